"""Claims 1 and 2: two older methods times input are RectGrad with another rule or threshold."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from captum.attr import Deconvolution, GuidedBackprop
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


@dataclass(frozen=True)
class Identity:
    """A claim that a method is RectGrad, thresholded at zero.

    Attributes:
        text: text of the claim.
        source: its source.
        rectgrad: RectGrad, without the padding trick, which older methods do not have.
        other: the other method, times input; it is thresholded at zero for the comparison.
    """

    text: str
    source: str
    rectgrad: Method
    other: Method


def _method(title: str, attribute: Callable[[nn.Module, Tensor, Tensor], Tensor]) -> Method:
    return Method(title, title, attribute, baseline=False)


def _rectgrad(
    make: Callable[[nn.Module], RectGrad], model: nn.Module, x: Tensor, target: Tensor
) -> Tensor:
    return make(model).attribute(x, target=target)


def _times_input(
    method: Callable[[nn.Module], Deconvolution | GuidedBackprop],
    model: nn.Module,
    x: Tensor,
    target: Tensor,
) -> Tensor:
    gradient: Tensor = method(captum_compatible(model)).attribute(x, target=target)
    return x * gradient


GUIDED_TIMES_INPUT = _method("Guided BP * Input", partial(_times_input, GuidedBackprop))
CLAIM_1 = Identity(
    "RectGrad with the score (a + epsilon) * R and tau = 0 is DeconvNet * Input, thresholded at "
    "zero",
    "section 4.2, claim 1",
    _method(
        "rule of claim 1",
        partial(_rectgrad, partial(RectGrad, rule=ShiftedScores(), padding_trick=False)),
    ),
    _method("DeconvNet * Input", partial(_times_input, Deconvolution)),
)
CLAIM_2 = Identity(
    "With tau = 0 it is Guided Backprop * Input, thresholded at zero",
    "section 4.3, claim 2",
    _method("tau = 0", partial(_rectgrad, partial(RectGrad, tau=0.0, padding_trick=False))),
    GUIDED_TIMES_INPUT,
)


def identity_gaps(
    identity: Identity,
    context: StudyContext,
    networks: Sequence[Network],
    images: Tensor,
    targets: Sequence[Tensor],
) -> NDArray[np.float64]:
    """Difference of the maps of the two methods.

    Args:
        identity: the two methods.
        context: its device and batch size are used.
        networks: the R explained networks.
        images: `(N, 3, H, W)`, uint8.
        targets: for each network the classes to explain, `(N,)`.

    Returns:
        `(R, N)`: the largest absolute difference divided by the largest value.
    """
    found = []
    for network, classes in zip(networks, targets, strict=True):
        gaps = partial(_gaps, identity, context, network, images, classes)
        found.append(
            torch.cat([gap for _, gap in in_batches(len(images), context.batch_size, gaps)])
        )
    return torch.stack(found).numpy()


def identity_claim(identity: Identity, gaps: NDArray[np.float64]) -> Claim:
    """The claim. An identity holds for all images or not: the maximum has no interval."""
    return Claim(
        identity.text,
        identity.source,
        "holds" if gaps.max() <= ROUNDING.value else "does not hold",
        "largest difference of all images, relative to the map's largest value: "
        f"{gaps.max():.2g}; up to {ROUNDING} (float32 rounding) counts as equal",
    )


def _gaps(
    identity: Identity,
    context: StudyContext,
    network: Network,
    images: Tensor,
    targets: Tensor,
    batch: slice,
) -> Tensor:
    one, other = (
        context.few_maps(method, network, images[batch], targets[batch]).flatten(1).double()
        for method in (identity.rectgrad, identity.other)
    )
    other = other.clamp(min=0)
    largest = other.amax(dim=1).clamp(min=torch.finfo(torch.float32).tiny)
    return (one - other).abs().amax(dim=1) / largest
