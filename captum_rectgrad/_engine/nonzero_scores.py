"""A rule that tells a threshold that is too high from scores that are all zero."""

from dataclasses import dataclass

from torch import Tensor

from captum_rectgrad.rules.scores import score
from captum_rectgrad.rules.threshold import ThresholdRule


@dataclass(frozen=True)
class NonZeroScores:
    """Selects all units with a score that is not zero.

    If no unit passes an activation under this rule, no percentile lets one pass: the activations or
    the gradient of the output are zero there.

    Attributes:
        rule: rule with the scores.
    """

    rule: ThresholdRule

    def keep(self, activation: Tensor, grad_output: Tensor, *, is_last: bool) -> Tensor:
        """Select the units; see `Rule.keep`."""
        return score(self.rule.score_at(is_last=is_last), activation, grad_output) != 0
