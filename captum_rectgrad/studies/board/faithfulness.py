"""Faithfulness: what the network answers without pixels that a map calls important."""

from collections.abc import Callable
from functools import partial
from typing import Literal

import numpy as np
import torch
from captum.metrics import infidelity
from torch import Tensor, nn
from torchvision.transforms.functional import gaussian_blur

from captum_rectgrad.evaluation.seeds import derived_seed
from captum_rectgrad.studies.board.column import Column, Values
from captum_rectgrad.studies.board.explained import Explained, batch_size
from captum_rectgrad.studies.board.networks import BoardNetwork
from captum_rectgrad.studies.compute.imputation import imputed
from captum_rectgrad.studies.compute.maps import device_of
from captum_rectgrad.studies.compute.masking import removed_ranks

BLUR, BLUR_SIZE = 5.0, 11  # of insertion's first image, as in RISE, in pixels
NOISE = 0.2  # of infidelity, as a share of the standard deviation of all inputs


def probabilities(model: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    """Probabilities of the explained classes.

    Args:
        model: in eval mode.
        inputs: `(N, C, H, W)`.
        targets: `(N,)`.

    Returns:
        `(N,)`, float64, on the CPU.
    """
    device = device_of(model)
    found, size = [], 4 * batch_size(inputs)
    with torch.inference_mode():
        for start in range(0, len(inputs), size):
            part = slice(start, start + size)
            logits = model(inputs[part].to(device)).cpu().double()
            found.append(logits.softmax(dim=1).gather(1, targets[part, None])[:, 0])
    return torch.cat(found)


def answers(model: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    """Whether the network answers the explained classes; as `probabilities`, 0 or 1."""
    device, size = device_of(model), 4 * batch_size(inputs)
    with torch.inference_mode():
        found = [
            model(inputs[start : start + size].to(device)).argmax(dim=1).cpu()
            for start in range(0, len(inputs), size)
        ]
    same: Tensor = torch.cat(found).eq(targets)
    return same.to(torch.float64)


def ranked_only(values: Tensor, explained: Explained) -> Values:
    """The values of images whose map ranks pixels; NaN for constant maps."""
    result: Values = torch.where(explained.constant, torch.nan, values).numpy()
    return result


def road(explained: Explained, *, least: bool) -> Values:
    """ROAD: whether the network keeps its answer, averaged over fractions of imputed pixels.

    Args:
        explained: the method and the network.
        least: whether the least important pixels are imputed first (LeRF) or the most (MoRF).

    Returns:
        `(N,)`, in [0, 1].
    """
    network, pixels = explained.network, explained.ranks.shape[1]
    kept = []
    for fraction in explained.sizes.fractions:
        first, last = removed_ranks(pixels, fraction, least=least)
        gone = (explained.ranks >= first) & (explained.ranks <= last)
        seed = derived_seed(explained.seed, "road", fraction)
        kept.append(answers(network.model, imputed(network.inputs, gone, seed), network.targets))
    return ranked_only(torch.stack(kept).mean(dim=0), explained)


def _blurred(inputs: Tensor) -> Tensor:
    blurred: Tensor = gaussian_blur(inputs, [BLUR_SIZE, BLUR_SIZE], [BLUR, BLUR])
    return blurred


def curve_area(
    explained: Explained, empty: Callable[[Tensor], Tensor], order: Literal["best", "worst"]
) -> Values:
    """Mean probability of the class while pixels appear in an image, from none to all.

    Args:
        explained: the method and the network.
        empty: function from inputs to images without information.
        order: whether the most important pixels appear first or last.

    Returns:
        Area under the curve by the trapezoidal rule, `(N,)`, in [0, 1].
    """
    network, ranks = explained.network, explained.ranks
    blank = empty(network.inputs)
    ranks = ranks if order == "best" else ranks.shape[1] - 1 - ranks
    curve = []
    for share in np.linspace(0, 1, explained.sizes.steps + 1):
        shown = (ranks < round(share * ranks.shape[1])).view(len(ranks), 1, *blank.shape[-2:])
        seen = torch.where(shown, network.inputs, blank)
        curve.append(probabilities(network.model, seen, network.targets))
    area = torch.trapezoid(torch.stack(curve), dim=0) / explained.sizes.steps
    return ranked_only(area, explained)


def captum_infidelity(explained: Explained) -> Values:
    """Captum's `infidelity` with Gaussian noise, for the map scaled by its best factor.

    Args:
        explained: the method and the network.

    Returns:
        `(N,)`, at least 0; NaN for a constant map.
    """
    network, device = explained.network, explained.device
    noise = partial(_add_noise, float(NOISE * network.inputs.std()))
    found, size = [], batch_size(network.inputs)
    for start in range(0, len(network.inputs), size):
        part = slice(start, start + size)
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(derived_seed(explained.seed, "infidelity", start))
            values = infidelity(
                network.model,
                noise,
                network.inputs[part].to(device),
                explained.own_attributions[part].to(device, network.inputs.dtype),
                target=network.targets[part].to(device),
                n_perturb_samples=explained.sizes.draws,
                normalize=True,
            )
        found.append(values.detach().cpu().double())
    return ranked_only(torch.cat(found), explained)


def _add_noise(scale: float, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Captum subtracts the first result from the inputs in its definition."""
    noise = scale * torch.randn_like(inputs)
    return noise, inputs - noise


def _lacks_size(network: BoardNetwork) -> str | None:
    least, height, width = BLUR_SIZE // 2 + 1, *network.inputs.shape[-2:]
    if min(height, width) >= least:
        return None
    return f"the blur needs images of at least {least} x {least} pixels, got {height} x {width}"


COLUMNS = (
    Column(
        key="road-morf",
        title="ROAD MoRF",
        family="faithfulness",
        better="lower",
        meaning="Share of fractions at which the network keeps its answer without the most "
        "important pixels, which are imputed from their neighbours.",
        source="Rong et al. 2022",
        measure=partial(road, least=False),
    ),
    Column(
        key="road-lerf",
        title="ROAD LeRF",
        family="faithfulness",
        better="higher",
        meaning="The same without the least important pixels.",
        source="Rong et al. 2022",
        measure=partial(road, least=True),
    ),
    Column(
        key="insertion",
        title="Insertion",
        family="faithfulness",
        better="higher",
        meaning="Mean probability of the class while the most important pixels appear first in a "
        "blurred image.",
        source="Petsiuk et al. 2018",
        measure=partial(curve_area, empty=_blurred, order="best"),
        lacks=_lacks_size,
    ),
    Column(
        key="deletion",
        title="Deletion",
        family="faithfulness",
        better="lower",
        meaning="Mean probability of the class while the most important pixels disappear first, "
        "in favour of zeros.",
        source="Petsiuk et al. 2018",
        measure=partial(curve_area, empty=torch.zeros_like, order="worst"),
    ),
    Column(
        key="infidelity",
        title="Infidelity",
        family="faithfulness",
        better="lower",
        meaning="Squared error of the map's prediction of the logit's change under Gaussian noise, "
        "after the best scaling of the map.",
        source="Yeh et al. 2019; captum.metrics.infidelity",
        measure=captum_infidelity,
    ),
)
