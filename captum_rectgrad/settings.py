"""What RectGrad is asked to compute, whether of inputs, layers or neurons."""

from dataclasses import dataclass
from typing import TypedDict

from torch import Tensor

from captum_rectgrad.activations import Activations, Choice
from captum_rectgrad.checks import check_activations, check_percentile, check_tau
from captum_rectgrad.rules import RULES, Gating, Rule, Selection

PAPER_PERCENTILE = 98.0  # section 5.2


class CommonOptions(TypedDict, total=False):
    """Arguments of `RectGrad` that mean the same in every variant."""

    padding_trick: bool
    final_threshold: bool
    activations: Activations


class Options(CommonOptions, total=False):
    """All arguments of `RectGrad` but the model, by keyword."""

    percentile: float | None
    tau: float | None
    rule: Rule
    prr: bool
    multiply_by_inputs: bool


@dataclass(frozen=True)
class Settings:
    """The arguments of a method, checked.

    Attributes:
        gating: which units of an activation pass.
        choice: which activations are rectified.
        padding_trick: whether the border is zeroed at padded convolutions.
        prr: whether max-pooling redistributes.
        final_threshold: whether what is negative in the end becomes zero.
        multiply_by_inputs: whether the gradient is multiplied by what it is attributed to.
    """

    gating: Gating
    choice: Choice
    padding_trick: bool
    prr: bool
    final_threshold: bool
    multiply_by_inputs: bool

    @classmethod
    def of(
        cls,
        percentile: float | None = None,
        tau: float | None = None,
        rule: Rule = "PR1",
        padding_trick: bool = True,
        prr: bool = False,
        final_threshold: bool = True,
        multiply_by_inputs: bool = True,
        activations: Activations = None,
    ) -> "Settings":
        """Check the arguments of `RectGrad`.

        Raises:
            TypeError: a threshold is no number, an activation no module.
            ValueError: `percentile` and `tau` are both given, or out of range; unknown `rule`.
        """
        if percentile is not None and tau is not None:
            raise ValueError(
                f"percentile ({percentile!r}) and tau ({tau!r}) are two ways to set one threshold; "
                "give one of them"
            )
        if rule not in RULES:
            raise ValueError(f"rule must be one of {', '.join(RULES)}, got {rule!r}")
        if tau is not None:
            selection = Selection(rule, tau=check_tau(tau))
        else:
            wanted = PAPER_PERCENTILE if percentile is None else percentile
            selection = Selection(rule, percentile=check_percentile(wanted))
        choice = Choice(None if activations is None else check_activations(activations))
        return cls(selection, choice, padding_trick, prr, final_threshold, multiply_by_inputs)

    def attribution(self, value: Tensor, gradient: Tensor) -> Tensor:
        """The attribution of `value`, of its shape, from the gradient that arrived there."""
        attribution = value * gradient if self.multiply_by_inputs else gradient
        return attribution.clamp(min=0) if self.final_threshold else attribution
