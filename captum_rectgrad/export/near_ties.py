"""Units whose selection rounding may change."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from captum_rectgrad.rules.rule import Rule
from captum_rectgrad.rules.scores import score
from captum_rectgrad.rules.signs import SignRule
from captum_rectgrad.rules.threshold import ThresholdRule

ROUNDING = 1e-5  # of the largest score of a layer and sample


@dataclass
class TieCounter:
    """A rule that also counts units within rounding of its threshold, but not equal to it.

    Attributes:
        rule: rule that selects.
        counts: for each call of an activation, the number of such units of each sample, `(N,)`.
    """

    rule: Rule
    counts: list[Tensor] = field(default_factory=list)

    def keep(self, activation: Tensor, grad_output: Tensor, *, is_last: bool) -> Tensor:
        """Select as the rule does.

        Args:
            activation: activation `a`, `(N, ...)`.
            grad_output: output gradient `R_out`, of the same shape.
            is_last: whether this is the last hidden activation before the output.

        Returns:
            A boolean tensor of the same shape.
        """
        rule, samples = self.rule, len(activation)
        if isinstance(rule, ThresholdRule):
            scores = score(rule.score_at(is_last=is_last), activation, grad_output)
            thresholds = rule.threshold(scores)
        elif isinstance(rule, SignRule):
            active = activation > 0 if rule.name == "guided" else True
            scores = torch.where(torch.as_tensor(active), grad_output, 0)
            thresholds = scores.new_zeros(samples)
        else:
            return rule.keep(activation, grad_output, is_last=is_last)
        rows = scores.reshape(samples, -1)
        gaps = (rows - thresholds[:, None]).abs()
        scale = rows.abs().amax(dim=1, keepdim=True)
        self.counts.append(((gaps > 0) & (gaps <= ROUNDING * scale)).sum(dim=1))
        return rule.keep(activation, grad_output, is_last=is_last)

    def total(self, samples: int) -> Tensor:
        """The number of such units of each sample, over all activations, `(N,)`."""
        return torch.stack(self.counts).sum(dim=0) if self.counts else torch.zeros(samples).long()
