"""Training, measurement, verification and publication of checkpoints from recipes."""
