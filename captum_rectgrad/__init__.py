"""Rectified Gradient (RectGrad) and its variants, beside Captum's own methods."""

__version__ = "0.1.0"
