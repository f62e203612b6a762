"""Parts that the figures of studies share."""
