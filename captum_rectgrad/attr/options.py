"""The arguments of `RectGrad` as types, for its variants and its layer and neuron versions."""

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
    """Arguments of `RectGradPRR` by keyword."""


class OptionsButRule(_Common, _WithPRR, _WithMultiplication, total=False):
    """Arguments of `RectGradMod` by keyword."""


class OptionsButMultiplication(_Common, _WithRule, _WithPRR, total=False):
    """Arguments of `NoBiasRectGrad` by keyword."""


class OptionsButThreshold(_Common, _WithRule, _WithPRR, _WithMultiplication, total=False):
    """Arguments of `RectGradConst` by keyword."""


class Options(OptionsButThreshold, total=False):
    """All arguments of `RectGrad` but the model, by keyword."""

    percentile: float | None
    tau: float | None
