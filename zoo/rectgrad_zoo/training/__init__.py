"""Training, measuring, verifying and publishing of checkpoints, by recipes."""
