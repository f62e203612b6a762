"""Types of the keyword arguments of `RectGrad`, for its variants and layer and neuron methods."""

from typing import TypedDict

from captum_rectgrad._engine.activations import Activations
from captum_rectgrad._engine.outputs import OutputChoice
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


class _WithThreshold(TypedDict, total=False):
    percentile: float | None
    tau: float | None


class _WithOutput(TypedDict, total=False):
    output: OutputChoice


class OptionsButPRR(_Common, _WithRule, _WithMultiplication, _WithOutput, total=False):
    """Keyword arguments of `RectGradPRR`."""


class OptionsButRule(_Common, _WithPRR, _WithMultiplication, _WithOutput, total=False):
    """Keyword arguments of `RectGradMod`."""


class OptionsButMultiplication(_Common, _WithRule, _WithPRR, _WithOutput, total=False):
    """Keyword arguments of `NoBiasRectGrad`."""


class OptionsButOutput(
    _Common, _WithRule, _WithPRR, _WithMultiplication, _WithThreshold, total=False
):
    """Keyword arguments of `NeuronRectGrad`."""


class OptionsButThreshold(
    _Common, _WithRule, _WithPRR, _WithMultiplication, _WithOutput, total=False
):
    """Keyword arguments of `RectGradConst`."""


class Options(OptionsButThreshold, _WithThreshold, total=False):
    """Keyword arguments of `RectGrad`."""
