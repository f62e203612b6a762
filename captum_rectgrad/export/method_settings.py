"""The settings of a method that is given as a class and arguments."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import nn

from captum_rectgrad._engine.settings import Settings
from captum_rectgrad.attr.base import ModifiedGradient
from captum_rectgrad.attr.relu_rules import Saliency


def method_settings(
    model: nn.Module, method: type[ModifiedGradient], options: Mapping[str, Any]
) -> Settings:
    """The settings of a method.

    Args:
        model: model of the method.
        method: class of the method.
        options: its arguments; of `Saliency` also `abs`.

    Raises:
        TypeError: `method` is no class of this package, or as in the method.
        ValueError: as in the method.
    """
    if not (isinstance(method, type) and issubclass(method, ModifiedGradient)):
        raise TypeError(
            f"method must be a class of captum_rectgrad such as RectGrad, got {method!r}; pass its "
            "arguments as keyword arguments of export_onnx"
        )
    arguments = dict(options)
    if not issubclass(method, Saliency):
        return method(model, **arguments).settings
    absolute = arguments.pop("abs", True)
    return replace(method(model, **arguments).settings, absolute=bool(absolute))
