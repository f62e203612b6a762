"""What studies work on: images, masks of objects, and networks."""
