"""Figures of maps, curves and images."""
