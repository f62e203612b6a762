"""Claim 1: DeconvNet times input is RectGrad with another propagation rule."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from captum.attr import Deconvolution
from numpy.typing import NDArray
from torch import Tensor, nn

from captum_rectgrad.attr.rectgrad import RectGrad
from captum_rectgrad.evaluation.captum_compatible import captum_compatible
from captum_rectgrad.evaluation.methods import Method
from captum_rectgrad.studies.compute.batches import in_batches
from captum_rectgrad.studies.data.study_data import Network
from captum_rectgrad.studies.framework.bounds import ROUNDING
from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.framework.result import Claim

EPSILON = 1e-3  # any positive number


@dataclass(frozen=True)
class ShiftedScores:
    """Units with a positive score `(a + EPSILON) * R_out` pass the gradient."""

    def keep(self, activation: Tensor, grad_output: Tensor, *, is_last: bool) -> Tensor:
        """See `captum_rectgrad.rules`; `is_last` has no influence."""
        del is_last
        return (activation + EPSILON) * grad_output > 0


def deconvolution_gaps(
    context: StudyContext, network: Network, images: Tensor, targets: Tensor
) -> NDArray[np.float64]:
    """Difference of RectGrad with the rule of claim 1 and DeconvNet * Input, thresholded at zero.

    Args:
        context: its device and batch size are used.
        network: the explained network.
        images: `(N, 3, H, W)`, uint8.
        targets: the classes to explain, `(N,)`.

    Returns:
        `(N,)`: the largest absolute difference divided by the largest value, without padding
        trick, which DeconvNet does not have.
    """
    methods = [
        Method(title, title, attribute, baseline=False)
        for title, attribute in (("rule of claim 1", _rectgrad), ("DeconvNet * Input", _deconvnet))
    ]
    find = partial(_gaps, context, network, methods, images, targets)
    gaps = [gap for _, gap in in_batches(len(images), context.batch_size, find)]
    found: NDArray[np.float64] = torch.cat(gaps).numpy()
    return found


def identity_claim(gaps: NDArray[np.float64]) -> Claim:
    """The claim. An identity holds for all images or not, so the largest difference is judged."""
    return Claim(
        "RectGrad with the score (a + epsilon) * R and tau = 0 is DeconvNet * Input, thresholded "
        "at zero",
        "section 4.2, claim 1",
        "holds" if gaps.max() <= ROUNDING.value else "does not hold",
        "largest difference of all images, relative to the map's largest value: "
        f"{gaps.max():.2g}; up to {ROUNDING} (float32 rounding) counts as equal",
    )


def _gaps(
    context: StudyContext,
    network: Network,
    methods: list[Method],
    images: Tensor,
    targets: Tensor,
    batch: slice,
) -> Tensor:
    one, other = (
        context.few_maps(method, network, images[batch], targets[batch]).flatten(1).double()
        for method in methods
    )
    largest = other.amax(dim=1).clamp(min=torch.finfo(torch.float32).tiny)
    return (one - other).abs().amax(dim=1) / largest


def _rectgrad(model: nn.Module, x: Tensor, target: Tensor) -> Tensor:
    return RectGrad(model, rule=ShiftedScores(), padding_trick=False).attribute(x, target=target)


def _deconvnet(model: nn.Module, x: Tensor, target: Tensor) -> Tensor:
    gradient: Tensor = Deconvolution(captum_compatible(model)).attribute(x, target=target)
    return (x * gradient).clamp(min=0)
