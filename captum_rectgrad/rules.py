"""The propagation rules: which units of an activation pass the gradient on.

Kim et al. 2019, section 4.1 and appendix B. `a` is the activation, `R_out` the gradient arriving
at it; a unit passes the gradient where its score is strictly greater than the threshold.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from captum_rectgrad.threshold import percentile_per_sample

Rule = Literal["PR1", "PR2", "PR3", "PR4", "Mod"]
RULES: tuple[Rule, ...] = get_args(Rule)


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
    if rule == "PR3":
        return activation.to(wide)
    if rule == "PR4":
        return gradient.to(wide)
    product = activation.to(wide) * gradient.to(wide)
    if rule == "PR1":
        return product
    if rule == "PR2":
        return product.abs_()
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

    def kept(
        self, activation: Tensor, gradient: Tensor, *, samples: int, last_hidden: bool
    ) -> Tensor:
        """Where the score exceeds the threshold; thresholds never mix samples.

        Args:
            activation: `a`, `(N, ...)`, or any shape if there is but one sample.
            gradient: `R_out`, of the same shape.
            samples: `N`.
            last_hidden: whether this is the last hidden activation before the output, where
                `Mod` follows PR1 instead of PR2 (figure 17).

        Returns:
            Boolean, `(N, units)`.
        """
        rule = self.rule
        if rule == "Mod":
            rule = "PR1" if last_hidden else "PR2"
        scores = score(rule, activation, gradient).reshape(samples, -1)
        if self.percentile is not None:
            return scores > percentile_per_sample(scores, self.percentile)
        return scores > self.tau
