"""Rectified Gradient (RectGrad), its variants and its relatives, beside Captum's own methods."""

import importlib
from typing import TYPE_CHECKING, Any

from captum_rectgrad.errors import RectGradError, RectGradWarning

if TYPE_CHECKING:
    from captum_rectgrad._engine.outputs import SelectedOutput
    from captum_rectgrad._engine.statistics import LayerStatistics
    from captum_rectgrad.attr.functional import rectified_grad
    from captum_rectgrad.attr.layer import LayerDeconvolution, LayerGuidedBackprop, LayerRectGrad
    from captum_rectgrad.attr.neuron import (
        NeuronDeconvolution,
        NeuronGradient,
        NeuronGuidedBackprop,
        NeuronRectGrad,
    )
    from captum_rectgrad.attr.rectgrad import RectGrad
    from captum_rectgrad.attr.relu_rules import Deconvolution, GuidedBackprop, Saliency
    from captum_rectgrad.attr.variants import (
        NoBiasRectGrad,
        RectGradConst,
        RectGradMod,
        RectGradPRR,
    )
    from captum_rectgrad.explain.show import show
    from captum_rectgrad.export.onnx_export import export_onnx
    from captum_rectgrad.rules.rule import Rule
    from captum_rectgrad.rules.signs import SignRule
    from captum_rectgrad.rules.threshold import ThresholdRule

__version__ = "0.1.0"

# Where each public name is.
_MODULES = {
    "Deconvolution": "attr.relu_rules",
    "GuidedBackprop": "attr.relu_rules",
    "LayerDeconvolution": "attr.layer",
    "LayerGuidedBackprop": "attr.layer",
    "LayerRectGrad": "attr.layer",
    "LayerStatistics": "_engine.statistics",
    "NeuronDeconvolution": "attr.neuron",
    "NeuronGradient": "attr.neuron",
    "NeuronGuidedBackprop": "attr.neuron",
    "NeuronRectGrad": "attr.neuron",
    "NoBiasRectGrad": "attr.variants",
    "RectGrad": "attr.rectgrad",
    "RectGradConst": "attr.variants",
    "RectGradMod": "attr.variants",
    "RectGradPRR": "attr.variants",
    "Rule": "rules.rule",
    "Saliency": "attr.relu_rules",
    "SelectedOutput": "_engine.outputs",
    "SignRule": "rules.signs",
    "ThresholdRule": "rules.threshold",
    "export_onnx": "export.onnx_export",
    "rectified_grad": "attr.functional",
    "show": "explain.show",
}

__all__ = [
    "Deconvolution",
    "GuidedBackprop",
    "LayerDeconvolution",
    "LayerGuidedBackprop",
    "LayerRectGrad",
    "LayerStatistics",
    "NeuronDeconvolution",
    "NeuronGradient",
    "NeuronGuidedBackprop",
    "NeuronRectGrad",
    "NoBiasRectGrad",
    "RectGrad",
    "RectGradConst",
    "RectGradError",
    "RectGradMod",
    "RectGradPRR",
    "RectGradWarning",
    "Rule",
    "Saliency",
    "SelectedOutput",
    "SignRule",
    "ThresholdRule",
    "export_onnx",
    "rectified_grad",
    "show",
]


def __getattr__(name: str) -> Any:
    """Import the methods when they are first asked for: `--help` need not wait for Captum."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    """Show what is public, also before it is imported."""
    return [*__all__, "__version__"]
