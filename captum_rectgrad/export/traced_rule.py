"""The threshold rule as tensor operations, with the percentile as an input of the graph."""

from dataclasses import dataclass

import torch
from torch import Tensor

from captum_rectgrad.rules.scores import score
from captum_rectgrad.rules.threshold import ThresholdRule, nearest_rank


@torch.library.custom_op("captum_rectgrad::percentile_per_sample", mutates_args=())
def percentile_per_sample(scores: Tensor, percentile: Tensor) -> Tensor:
    """The percentile of each sample's scores (nearest rank), one node of a traced graph.

    Args:
        scores: scores `(N, units)`, floating point.
        percentile: percentile `(1,)` in [0, 100], float64.

    Returns:
        Thresholds `(N, 1)`, of the dtype of the scores.
    """
    rank = nearest_rank(scores.shape[1], float(percentile))
    return scores.kthvalue(rank + 1, dim=1, keepdim=True).values


@dataclass(frozen=True)
class TracedThresholdRule:
    """`ThresholdRule` with a percentile that is a tensor, so that it stays an input.

    Attributes:
        rule: rule with a percentile; only its score is used.
        percentile: percentile `(1,)` in [0, 100], float64.
    """

    rule: ThresholdRule
    percentile: Tensor

    def keep(self, activation: Tensor, grad_output: Tensor, *, is_last: bool) -> Tensor:
        """Select the units that propagate the gradient.

        Args:
            activation: activation `a`, `(N, ...)`.
            grad_output: output gradient `R_out`, of the same shape.
            is_last: whether this is the last hidden activation before the output.

        Returns:
            A boolean tensor of the same shape.
        """
        scores = score(self.rule.score_at(is_last=is_last), activation, grad_output)
        rows = scores.reshape(scores.shape[0], -1)
        threshold: Tensor = percentile_per_sample(rows, self.percentile)
        return (rows > threshold).reshape(scores.shape)
