"""The arguments of `RectGrad` as types, for its variants and its layer and neuron versions."""

from typing import TypedDict

from captum_rectgrad._engine.activations import Activations
from captum_rectgrad.rules.rule import Rule
from captum_rectgrad.rules.threshold import RuleName


class CommonOptions(TypedDict, total=False):
    """Arguments of `RectGrad` that mean the same in every variant."""

    padding_trick: bool
    final_threshold: bool
    activations: Activations


class Options(CommonOptions, total=False):
    """All arguments of `RectGrad` but the model, by keyword."""

    percentile: float | None
    tau: float | None
    rule: RuleName | Rule
    prr: bool
    multiply_by_inputs: bool
