"""Data of studies: images, object masks, and networks."""
