"""Types of the keyword arguments of `RectGrad`, for its variants and layer and neuron methods."""

from typing import TypedDict

from captum_rectgrad._engine.activations import Activations
from captum_rectgrad.rules.rule import Rule
from captum_rectgrad.rules.threshold import RuleName


class _Common(TypedDict, total=False):
    padding_trick: bool
    final_threshold: bool
    activations: Activations


class _WithRule(TypedDict, total=False):
    rule: RuleName | Rule


class _WithPRR(TypedDict, total=False):
    prr: bool


class _WithMultiplication(TypedDict, total=False):
    multiply_by_inputs: bool


class OptionsButPRR(_Common, _WithRule, _WithMultiplication, total=False):
    """Keyword arguments of `RectGradPRR`."""


class OptionsButRule(_Common, _WithPRR, _WithMultiplication, total=False):
    """Keyword arguments of `RectGradMod`."""


class OptionsButMultiplication(_Common, _WithRule, _WithPRR, total=False):
    """Keyword arguments of `NoBiasRectGrad`."""


class OptionsButThreshold(_Common, _WithRule, _WithPRR, _WithMultiplication, total=False):
    """Keyword arguments of `RectGradConst`."""


class Options(OptionsButThreshold, total=False):
    """Keyword arguments of `RectGrad`."""

    percentile: float | None
    tau: float | None
