"""Skewness and kurtosis of RectGrad's scores (Kim et al. 2019, footnote 2)."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from captum_rectgrad.attr.rectgrad import RectGrad
from captum_rectgrad.errors import RectGradWarning
from captum_rectgrad.rules.scores import score
from captum_rectgrad.rules.threshold import PAPER_PERCENTILE, ThresholdRule

SKEWNESS, KURTOSIS = "skewness", "excess kurtosis"
# By the name of an activation, from the input to the output, and moment: `(N,)`.
LayerMoments = Mapping[str, Mapping[str, Tensor]]


@dataclass(frozen=True)
class RecordingRule:
    """RectGrad's rule, which records the moments of the scores.

    Attributes:
        rule: the rule.
        moments: by layer, from the output to the input.
    """

    rule: ThresholdRule = field(default_factory=lambda: ThresholdRule(percentile=PAPER_PERCENTILE))
    moments: list[dict[str, Tensor]] = field(default_factory=list)

    def keep(self, activation: Tensor, grad_output: Tensor, *, is_last: bool) -> Tensor:
        """See `captum_rectgrad.rules`."""
        self.moments.append(moments(score("PR1", activation, grad_output)))
        return self.rule.keep(activation, grad_output, is_last=is_last)


def moments(scores: Tensor) -> dict[str, Tensor]:
    """Skewness and excess kurtosis of each sample's scores that are not zero.

    Scores of inactive units are exactly zero. They alone rule out a Gaussian distribution, so they
    are left out.

    Args:
        scores: `(N, ...)`.

    Returns:
        By name, `(N,)`, float64 on the CPU; both are 0 for a Gaussian. NaN without two different
        scores.
    """
    values = scores.detach().flatten(1).cpu().double()
    used = values != 0
    count = used.sum(dim=1)
    center = values.sum(dim=1) / count
    apart = torch.where(used, values - center[:, None], 0)
    second, third, fourth = (apart.pow(power).sum(dim=1) / count for power in (2, 3, 4))
    return {SKEWNESS: third / second**1.5, KURTOSIS: fourth / second**2 - 3}


def score_moments(model: nn.Module, inputs: Tensor, targets: Tensor) -> LayerMoments:
    """The moments of the scores at q = 98.

    Args:
        model: in eval mode.
        inputs: `(N, 3, H, W)`.
        targets: `(N,)`.
    """
    rule = RecordingRule()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RectGradWarning)
        _, statistics = RectGrad(model, rule=rule).attribute(
            inputs, target=targets, return_layer_statistics=True
        )
    names = [layer.name for layer in statistics]
    return dict(zip(names[::-1], rule.moments[::-1], strict=True))
