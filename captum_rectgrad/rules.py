"""The propagation rules: which units of an activation pass the gradient on.

`a` is the activation, `R_out` the gradient arriving at it. RectGrad's rules (Kim et al. 2019,
section 4.1 and appendix B) pass it where a unit's score is strictly greater than a threshold; those
of the older family (Nie et al. 2018, equations 1 to 3) where the signs of `a` and `R_out` allow.

Nie et al. know ReLUs alone, whose pre-activation and activation are positive together. For others
the activation decides: so guided backpropagation stays PR1 with a threshold of 0 wherever no
activation is negative (claim 2 of Kim et al. 2019), and a sigmoid, as in squeeze-and-excitation,
passes what is positive. The sign of its pre-activation says only on which side of 1/2 it is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, Protocol, TypeVar, get_args

import torch
from torch import Tensor

from captum_rectgrad.order_statistic import Floats
from captum_rectgrad.selection_on_cpu import is_worthwhile, pass_above_rank
from captum_rectgrad.threshold import nearest_rank, percentile_per_sample

Rule = Literal["PR1", "PR2", "PR3", "PR4", "Mod"]
RULES: tuple[Rule, ...] = get_args(Rule)
SignRule = Literal["vanilla", "deconvnet", "guided"]
Numbers = TypeVar("Numbers", Tensor, Floats)


def leave_alone(passing: Tensor) -> None:
    """What there is to do with what passes: nothing."""


class Gating(Protocol):
    """Which units of an activation pass the gradient on."""

    def passed_on(
        self,
        activation: Tensor,
        gradient: Tensor,
        *,
        samples: int,
        last_hidden: bool,
        derived: bool = False,
        empty_like: Callable[[Tensor], Tensor] = torch.empty_like,
        finish: Callable[[Tensor], None] = leave_alone,
    ) -> tuple[Tensor, Tensor]:
        """What passes; what a sample's units do never depends on another's.

        Args:
            activation: `a`, `(N, ...)`, or any shape if there is but one sample.
            gradient: `R_out`, of the same shape.
            samples: `N`.
            last_hidden: whether this is the last hidden activation before the output.
            derived: whether what passes is then multiplied by the activation's derivative, as it
                is at all but ReLU.
            empty_like: makes the tensor of what passes.
            finish: changes what passes, in place: is to be called on all of it, some samples at a
                time or at once, so it must be a new tensor.

        Returns:
            The gradient where it passes, elsewhere 0, of its shape and dtype; and whether any of a
            sample did, `(N,)`.
        """


def score(rule: Rule, activation: Tensor, gradient: Tensor) -> Tensor:
    """Importance score of every unit under PR1 to PR4 (appendix B.1).

    Args:
        rule: `"PR1"`: `a * R_out`; `"PR2"`: its absolute value; `"PR3"`: `a`; `"PR4"`: `R_out`.
            `"Mod"` is a choice between the first two by layer, not a score.
        activation: `a`, any shape, floating point.
        gradient: `R_out`, of the same shape.

    Returns:
        Scores of that shape, in float32 or, where either operand is float64, float64: the
        product of two half-precision numbers overflows and ties.
    """
    wide = torch.promote_types(torch.promote_types(activation.dtype, gradient.dtype), torch.float32)
    return _score(rule, activation.to(wide), gradient.to(wide), torch.mul)


def _score(
    rule: Rule,
    activation: Numbers,
    gradient: Numbers,
    product: Callable[[Numbers, Numbers], Numbers],
) -> Numbers:
    if rule == "PR1":
        return product(activation, gradient)
    if rule == "PR2":
        return abs(product(activation, gradient))
    if rule == "PR3":
        return activation
    if rule == "PR4":
        return gradient
    raise ValueError(f"no score for rule {rule!r}; expected PR1, PR2, PR3 or PR4")


@dataclass(frozen=True)
class Selection:
    """Which units pass: a rule and its threshold.

    Attributes:
        rule: how units are scored.
        percentile: the threshold is this percentile of a sample's scores; None: it is `tau`.
        tau: the constant threshold.
    """

    rule: Rule
    percentile: float | None = None
    tau: float = 0.0

    def passed_on(
        self,
        activation: Tensor,
        gradient: Tensor,
        *,
        samples: int,
        last_hidden: bool,
        derived: bool = False,
        empty_like: Callable[[Tensor], Tensor] = torch.empty_like,
        finish: Callable[[Tensor], None] = leave_alone,
    ) -> tuple[Tensor, Tensor]:
        """What has a score above the threshold; see `Gating`."""
        del derived
        if self.percentile is not None and gradient.device.type == "cpu":
            units = gradient.numel() // samples
            if is_worthwhile(units):
                return pass_above_rank(
                    partial(_score, self._scored_by(last_hidden=last_hidden)),
                    nearest_rank(units, self.percentile),
                    activation,
                    gradient,
                    samples,
                    empty_like,
                    finish,
                )
        kept = self.kept(activation, gradient, samples=samples, last_hidden=last_hidden)
        return _where(kept, gradient, finish)

    def kept(
        self, activation: Tensor, gradient: Tensor, *, samples: int, last_hidden: bool
    ) -> Tensor:
        """Where the score exceeds the threshold: the definition, which `passed_on` follows.

        Args:
            activation: `a`, as above.
            gradient: `R_out`, of the same shape.
            samples: `N`.
            last_hidden: whether this is the last hidden activation before the output.

        Returns:
            Boolean, `(N, units)`.
        """
        scores = score(self._scored_by(last_hidden=last_hidden), activation, gradient)
        scores = scores.reshape(samples, -1)
        if self.percentile is not None:
            return scores > percentile_per_sample(scores, self.percentile)
        return scores > self.tau

    def _scored_by(self, *, last_hidden: bool) -> Rule:
        """`Mod` follows PR1 at the last hidden activation, PR2 at all others (figure 17)."""
        if self.rule == "Mod":
            return "PR1" if last_hidden else "PR2"
        return self.rule


@dataclass(frozen=True)
class SignGate:
    """A ReLU's backward as `h(R_out) * g'(z)` (Nie et al. 2018, equations 1 to 3).

    Attributes:
        rule: `"vanilla"`: h is the identity and g the ReLU, the true gradient; `"deconvnet"`: h is
            the ReLU and g the identity; `"guided"`: both are ReLUs.
    """

    rule: SignRule

    def passed_on(
        self,
        activation: Tensor,
        gradient: Tensor,
        *,
        samples: int,
        last_hidden: bool,
        derived: bool = False,
        empty_like: Callable[[Tensor], Tensor] = torch.empty_like,
        finish: Callable[[Tensor], None] = leave_alone,
    ) -> tuple[Tensor, Tensor]:
        """What has signs that allow it; see `Gating`.

        A unit is active where `a > 0`: a sigmoid always.
        """
        del last_hidden, empty_like
        if self.rule == "deconvnet":
            kept = gradient > 0
        elif self.rule == "guided":
            kept = (activation > 0) & (gradient > 0)
        elif derived:  # the true gradient of any other activation is its derivative's business
            kept = torch.ones_like(gradient, dtype=torch.bool)
        else:
            kept = activation > 0
        return _where(kept.reshape(samples, -1), gradient, finish)


def _where(
    kept: Tensor, gradient: Tensor, finish: Callable[[Tensor], None]
) -> tuple[Tensor, Tensor]:
    passing = torch.where(kept.reshape(gradient.shape), gradient, 0)
    finish(passing)
    return passing, kept.any(dim=1)
