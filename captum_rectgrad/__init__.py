"""Rectified Gradient (RectGrad) and its variants, beside Captum's own methods."""

import importlib
from typing import TYPE_CHECKING, Any

from captum_rectgrad.errors import RectGradError, RectGradWarning

if TYPE_CHECKING:
    from captum_rectgrad.layer import LayerRectGrad
    from captum_rectgrad.neuron import NeuronRectGrad
    from captum_rectgrad.rectgrad import RectGrad
    from captum_rectgrad.variants import NoBiasRectGrad, RectGradConst, RectGradMod, RectGradPRR

__version__ = "0.1.0"

__all__ = [
    "LayerRectGrad",
    "NeuronRectGrad",
    "NoBiasRectGrad",
    "RectGrad",
    "RectGradConst",
    "RectGradError",
    "RectGradMod",
    "RectGradPRR",
    "RectGradWarning",
]


def __getattr__(name: str) -> Any:
    """Import the methods when they are first asked for: `--help` need not wait for Captum."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = {"RectGrad": "rectgrad", "LayerRectGrad": "layer", "NeuronRectGrad": "neuron"}.get(
        name, "variants"
    )
    return getattr(importlib.import_module(f"{__name__}.{module}"), name)
