"""Rectified Gradient (RectGrad), its variants and its relatives, beside Captum's own methods."""

import importlib
from typing import TYPE_CHECKING, Any

from captum_rectgrad.errors import RectGradError, RectGradWarning

if TYPE_CHECKING:
    from captum_rectgrad.layer import LayerRectGrad
    from captum_rectgrad.neuron import NeuronRectGrad
    from captum_rectgrad.rectgrad import RectGrad
    from captum_rectgrad.relu_family import DeconvNet, GuidedBP, SaliencyMap
    from captum_rectgrad.variants import NoBiasRectGrad, RectGradConst, RectGradMod, RectGradPRR

__version__ = "0.1.0"

__all__ = [
    "DeconvNet",
    "GuidedBP",
    "LayerRectGrad",
    "NeuronRectGrad",
    "NoBiasRectGrad",
    "RectGrad",
    "RectGradConst",
    "RectGradError",
    "RectGradMod",
    "RectGradPRR",
    "RectGradWarning",
    "SaliencyMap",
]

# Where each is, but for the variants.
_MODULES = {
    "RectGrad": "rectgrad",
    "LayerRectGrad": "layer",
    "NeuronRectGrad": "neuron",
    "SaliencyMap": "relu_family",
    "DeconvNet": "relu_family",
    "GuidedBP": "relu_family",
}


def __getattr__(name: str) -> Any:
    """Import the methods when they are first asked for: `--help` need not wait for Captum."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = _MODULES.get(name, "variants")
    return getattr(importlib.import_module(f"{__name__}.{module}"), name)
