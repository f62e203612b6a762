"""Computation on many images: batches, progress, precision, and a Ray cluster."""
