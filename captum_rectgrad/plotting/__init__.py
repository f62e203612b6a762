"""Maps, curves and images as figures."""
