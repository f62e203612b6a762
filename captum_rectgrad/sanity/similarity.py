"""Similarity of two maps of the same image, and of a map and its image."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.metrics import structural_similarity
from torch import Tensor

from captum_rectgrad.evaluation.map_metrics import channel_sum, rank_correlation

# Takes maps and reference maps, both `(N, C, H, W)`; returns a similarity for each pair, `(N,)`: 1
# for equal maps, NaN if the first map is empty, 0 if only the second map is empty.
Similarity = Callable[[Tensor, Tensor], NDArray[np.float64]]
# The measures that decide the verdicts. `UNSIGNED` does not depend on scale and sign.
SIGNED, UNSIGNED = "rank correlation", "rank correlation of absolute values"
IMAGE = "correlation with the image"
WINDOW = 7  # pixels, the side of SSIM's window


def empty(maps: Tensor) -> NDArray[np.bool_]:
    """Whether maps are empty.

    Args:
        maps: `(N, C, H, W)`.

    Returns:
        `(N,)`, whether the map, summed over channels, is constant.
    """
    values = channel_sum(maps).flatten(1)
    return np.asarray((values == values[:, :1]).all(dim=1).numpy())


def signed_ranks(first: Tensor, second: Tensor) -> NDArray[np.float64]:
    """Spearman's rank correlation of two maps, summed over channels.

    Args:
        first: `(N, C, H, W)`.
        second: `(N, C, H, W)`.

    Returns:
        `(N,)`, in [-1, 1]; NaN where `first` is empty, 0 where only `second` is.
    """
    return _nothing_left(first, second, rank_correlation(first, second).numpy())


def absolute_ranks(first: Tensor, second: Tensor) -> NDArray[np.float64]:
    """Spearman's rank correlation of the absolute values of two maps, summed over channels.

    Args:
        first: `(N, C, H, W)`.
        second: `(N, C, H, W)`.

    Returns:
        `(N,)`, in [-1, 1]; NaN where `first` is empty, 0 where only `second` is.
    """
    one, other = (channel_sum(maps).abs()[:, None] for maps in (first, second))
    return signed_ranks(one, other)


def structure(first: Tensor, second: Tensor) -> NDArray[np.float64]:
    """SSIM (Wang et al. 2004) of the absolute values of two maps, each scaled to [0, 1].

    Args:
        first: `(N, C, H, W)`, at least 7 x 7.
        second: `(N, C, H, W)`.

    Returns:
        `(N,)`, in [-1, 1]; NaN where `first` is empty, 0 where only `second` is.
    """
    pairs = zip(_unit(channel_sum(first).abs()), _unit(channel_sum(second).abs()), strict=True)
    values = np.array([_ssim(one, other) for one, other in pairs])
    return _nothing_left(first, second, values)


# Adebayo et al. 2018, section 3: with and without the sign, and SSIM.
SIMILARITIES: Mapping[str, Similarity] = {
    SIGNED: signed_ranks,
    UNSIGNED: absolute_ranks,
    "SSIM": structure,
}


def input_correlation(maps: Tensor, inputs: Tensor) -> NDArray[np.float64]:
    """Absolute value of Pearson's correlation of a map and its image.

    Args:
        maps: `(N, C, H, W)`.
        inputs: `(N, C, H, W)`.

    Returns:
        `(N,)`, in [0, 1], over all values of all channels; NaN where one of the two is constant.
    """
    one, other = (values.double().flatten(1) for values in (maps, inputs))
    one, other = (values - values.mean(dim=1, keepdim=True) for values in (one, other))
    norms = one.norm(dim=1) * other.norm(dim=1)
    correlation = (one * other).sum(dim=1).abs() / torch.where(norms > 0, norms, torch.nan)
    return np.asarray(correlation.numpy())


def input_structure(maps: Tensor, inputs: Tensor) -> NDArray[np.float64]:
    """SSIM of a map and its greyscale image, each scaled to [0, 1] by its minimum and maximum.

    Args:
        maps: `(N, C, H, W)`, at least 7 x 7.
        inputs: `(N, C, H, W)`.

    Returns:
        `(N,)`, in [-1, 1]; NaN where one of the two is constant.
    """
    pairs = zip(_range(channel_sum(maps)), _range(channel_sum(inputs)), strict=True)
    return np.array([_ssim(one, other) for one, other in pairs])


RECOVERIES: Mapping[str, Similarity] = {
    IMAGE: input_correlation,
    "SSIM with the image": input_structure,
}


def _nothing_left(
    first: Tensor, second: Tensor, values: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Similarities with the values that a `Similarity` has for empty maps."""
    lost = np.where(empty(second), 0.0, values)
    return np.where(empty(first), np.nan, lost)


def _unit(maps: Tensor) -> Tensor:
    """Absolute maps `(N, H, W)` divided by their maximum; NaN if it is 0."""
    return maps / maps.amax(dim=(1, 2), keepdim=True)


def _range(maps: Tensor) -> Tensor:
    """Maps `(N, H, W)` scaled to [0, 1] by their minimum and maximum."""
    least, most = maps.amin(dim=(1, 2), keepdim=True), maps.amax(dim=(1, 2), keepdim=True)
    return (maps - least) / (most - least)


def _ssim(one: Tensor, other: Tensor) -> float:
    if not (one.isfinite().all() and other.isfinite().all()):
        return float("nan")
    return float(structural_similarity(one.numpy(), other.numpy(), win_size=WINDOW, data_range=1.0))
