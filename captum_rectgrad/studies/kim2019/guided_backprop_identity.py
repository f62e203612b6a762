"""Claim 2: Guided Backprop times input is RectGrad with tau = 0."""

import numpy as np
import torch
from captum.attr import GuidedBackprop
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


def guided_backprop_gaps(
    context: StudyContext, network: Network, images: Tensor, targets: Tensor
) -> NDArray[np.float64]:
    """Difference of RectGrad at tau = 0 and Guided Backprop * Input thresholded at zero (claim 2).

    Args:
        context: its device and batch size are used.
        network: the explained network.
        images: `(N, 3, H, W)`, uint8.
        targets: the classes to explain, `(N,)`.

    Returns:
        `(N,)`: the largest absolute difference divided by the largest value. RectGrad is without
        the padding trick, which guided backpropagation does not have.
    """

    def compute(batch: slice) -> Tensor:
        one, other = (
            context.few_maps(method, network, images[batch], targets[batch]).flatten(1).double()
            for method in (_TAU_ZERO, GUIDED_TIMES_INPUT)
        )
        other = other.clamp(min=0)
        largest = other.amax(dim=1).clamp(min=torch.finfo(torch.float32).tiny)
        return (one - other).abs().amax(dim=1) / largest

    gaps = [gap for _, gap in in_batches(len(images), context.batch_size, compute)]
    found: NDArray[np.float64] = torch.cat(gaps).numpy()
    return found


def guided_claim(gaps: NDArray[np.float64]) -> Claim:
    """An identity holds for all images or not: the maximum is judged without an interval."""
    return Claim(
        "With tau = 0 it is Guided Backprop * Input, thresholded at zero",
        "section 4.3, claim 2",
        "holds" if gaps.max() <= ROUNDING.value else "does not hold",
        "largest difference of all images, relative to the map's largest value: "
        f"{gaps.max():.2g}; up to {ROUNDING} (float32 rounding) counts as equal",
    )


def _tau_zero(model: nn.Module, x: Tensor, target: Tensor) -> Tensor:
    return RectGrad(model, tau=0.0, padding_trick=False).attribute(x, target=target)


def _guided_times_input(model: nn.Module, x: Tensor, target: Tensor) -> Tensor:
    gradient: Tensor = GuidedBackprop(captum_compatible(model)).attribute(x, target=target)
    return x * gradient


_TAU_ZERO = Method("tau = 0", "tau = 0", _tau_zero, baseline=False)
GUIDED_TIMES_INPUT = Method(
    "guided-input", "Guided BP * Input", _guided_times_input, baseline=False
)
