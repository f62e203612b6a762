"""Pairs of methods whose maps are equal: claims 1 and 2, and epsilon-LRP of a ReLU network."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from captum.attr import LRP, Deconvolution, GuidedBackprop, InputXGradient
from numpy.typing import NDArray
from torch import Tensor, nn

from captum_rectgrad._engine.captum_compat import EpsilonRule
from captum_rectgrad.attr.rectgrad import RectGrad
from captum_rectgrad.evaluation.captum_compatible import captum_compatible
from captum_rectgrad.evaluation.methods import Method, MethodUnreliableError, of_captum
from captum_rectgrad.studies.compute.batches import in_batches
from captum_rectgrad.studies.data.study_data import Network
from captum_rectgrad.studies.framework.bounds import ROUNDING
from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.framework.result import Claim

EPSILON = 1e-3  # any positive number
# The equality is of the limit: an epsilon changes maps where a unit's value before the activation
# is as small. Captum's default, 1e-9, is too large for the bound of rounding.
LRP_EPSILON = 1e-12


# Layers of image classifiers to which Captum gives the epsilon rule.
_LAYERS_WITH_RULE = (nn.Conv2d, nn.Linear, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d)


@dataclass(frozen=True)
class ShiftedScores:
    """Units with a positive score `(a + EPSILON) * R_out` pass the gradient."""

    def keep(self, activation: Tensor, grad_output: Tensor, *, is_last: bool) -> Tensor:
        """See `captum_rectgrad.rules`; `is_last` has no influence."""
        del is_last
        return (activation + EPSILON) * grad_output > 0


@dataclass(frozen=True)
class Identity:
    """A claim that two methods have the same maps.

    Attributes:
        text: text of the claim.
        source: its source.
        method: a method; RectGrad has no padding trick here, which older methods do not have.
        expected: the method that it should equal.
        thresholded: whether the expected maps are thresholded at zero for the comparison.
    """

    text: str
    source: str
    method: Method
    expected: Method
    thresholded: bool = True


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


def _epsilon_lrp(model: nn.Module, x: Tensor, target: Tensor) -> Tensor:
    copied = captum_compatible(model)
    for module in copied.modules():
        if isinstance(module, _LAYERS_WITH_RULE):
            module.rule = EpsilonRule(LRP_EPSILON)
    try:
        relevance: Tensor = LRP(copied).attribute(x, target=target)
    except TypeError as error:
        if "no rule defined" not in str(error):  # as for nn.Identity, in cifar10_resnet
            raise
        raise MethodUnreliableError(f"Captum's LRP has no rule for a layer: {error}") from error
    return relevance


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
    "section 4.2, claim 2",
    _method("tau = 0", partial(_rectgrad, partial(RectGrad, tau=0.0, padding_trick=False))),
    GUIDED_TIMES_INPUT,
)
EPSILON_LRP = Identity(
    "Epsilon-LRP is Gradient * Input on a ReLU network",
    "section 5.3, from Ancona et al. 2018",
    _method("epsilon-LRP", _epsilon_lrp),
    of_captum("gradient-input", "Gradient * Input", InputXGradient),
    thresholded=False,
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


def judged_identity(
    identity: Identity,
    context: StudyContext,
    networks: Sequence[Network],
    images: Tensor,
    targets: Sequence[Tensor],
) -> Claim:
    """The claim, undecided if a method does not apply to a network; see `identity_gaps`."""
    try:
        gaps = identity_gaps(identity, context, networks, images, targets)
    except MethodUnreliableError as error:
        return Claim(identity.text, identity.source, "undecided", str(error))
    return identity_claim(identity, gaps)


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
    found, expected = (
        context.few_maps(method, network, images[batch], targets[batch]).flatten(1).double()
        for method in (identity.method, identity.expected)
    )
    if identity.thresholded:
        expected = expected.clamp(min=0)
    largest = expected.abs().amax(dim=1).clamp(min=torch.finfo(torch.float32).tiny)
    return (found - expected).abs().amax(dim=1) / largest
