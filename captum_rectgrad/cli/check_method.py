"""The method of `rectgrad check`, and its gradient rule. This module imports PyTorch."""

import importlib
import warnings
from collections.abc import Callable
from functools import partial
from inspect import signature

from torch import Tensor, nn

from captum_rectgrad import (
    Deconvolution,
    GuidedBackprop,
    NoBiasRectGrad,
    RectGrad,
    RectGradPRR,
)
from captum_rectgrad.attr.base import ModifiedGradient
from captum_rectgrad.attr.relu_rules import signed_gradient
from captum_rectgrad.cli.completion import COMPARED
from captum_rectgrad.evaluation.methods import Method, choose_methods, of_captum, same_maps

# Gradient rules at activations, by method key. A Captum method of the same key is checked as it is,
# but its backward signals are those of this package's method.
RULES: dict[str, Callable[..., ModifiedGradient]] = {
    "saliency": signed_gradient,
    "gradient-input": signed_gradient,
    "guided-bp": GuidedBackprop,
    "deconvnet": Deconvolution,
    "rectgrad": RectGrad,
    "rectgrad-prr": RectGradPRR,
    "nobias-rectgrad": NoBiasRectGrad,
}
# Methods that the studies of Kim et al. do not compare.
_MORE = {"deconvnet": "DeconvNet", "nobias-rectgrad": "NoBias RectGrad"}


def method_of(key: str, percentile: float | None) -> Method:
    """The method to check.

    Args:
        key: a key, or `MODULE:NAME`.
        percentile: RectGrad's percentile; None: the default.

    Raises:
        ValueError: the method cannot be imported, or has no percentile.
    """
    make = _rule_of(key)
    if percentile is not None and (make is None or "percentile" not in signature(make).parameters):
        raise ValueError(f"--percentile only applies to RectGrad, got --method {key}")
    if key in COMPARED or make is None:
        (method,) = choose_methods([key], percentile)
        return method
    options = {} if percentile is None else {"percentile": percentile}
    return of_captum(key, _MORE.get(key, key.partition(":")[2]), partial(make, **options))


def _rule_of(key: str) -> Callable[..., ModifiedGradient] | None:
    """The constructor of the method if it is a gradient rule at activations."""
    if ":" not in key:
        return RULES.get(key)
    module, _, name = key.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError):
        return None  # `choose_methods` raises a better error
    return found if isinstance(found, type) and issubclass(found, ModifiedGradient) else None


def rule_of(key: str, model: nn.Module, percentile: float | None) -> ModifiedGradient | None:
    """The method with its model if it is a gradient rule at activations, else None."""
    make = _rule_of(key)
    if make is None:
        return None
    return make(model) if percentile is None else make(model, percentile=percentile)


def caution_of(key: str, model: nn.Module, images: Tensor, targets: Tensor) -> str | None:
    """A warning if a method imported from Captum is incorrect on this model, else None."""
    own = {
        "captum.attr:GuidedBackprop": GuidedBackprop,
        "captum.attr:Deconvolution": Deconvolution,
    }
    if key not in own:
        return None
    device = next(model.parameters()).device
    x, y = images[:4].to(device), targets[:4].to(device)
    (method,) = choose_methods([key])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = own[key](model).attribute(x, target=y)
        found = method.attribute(model, x.clone().requires_grad_(), y)
    if same_maps(found, expected):
        return None
    return (
        f"Captum's {method.title} is incorrect on this model (it only hooks nn.ReLU modules, once "
        "each, and returns the plain gradient elsewhere). These findings are about that result; "
        f"use {own[key].__name__} of this package for the method."
    )
