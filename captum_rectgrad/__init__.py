"""Rectified Gradient (RectGrad) and its variants, beside Captum's own methods."""

from captum_rectgrad.errors import RectGradError, RectGradWarning
from captum_rectgrad.rectgrad import RectGrad
from captum_rectgrad.variants import NoBiasRectGrad, RectGradConst, RectGradMod, RectGradPRR

__version__ = "0.1.0"

__all__ = [
    "NoBiasRectGrad",
    "RectGrad",
    "RectGradConst",
    "RectGradError",
    "RectGradMod",
    "RectGradPRR",
    "RectGradWarning",
]
