"""Architectures of the zoo, registered with timm, and weights from an installed package."""
