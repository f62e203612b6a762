"""Similarity of the maps of different images, pair by pair (for figures 1, 5a and 15)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from captum_rectgrad.evaluation.estimate import Estimate
from captum_rectgrad.evaluation.intervals import resampled
from captum_rectgrad.evaluation.map_metrics import top_pixels, unit_ranks, without_sign

RANK, OVERLAP = "rank correlation", "overlap"
KINDS = (RANK, OVERLAP, f"{RANK} of absolute values", f"{OVERLAP} of absolute values")

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Likeness:
    """Similarity of maps within a class and between classes.

    Attributes:
        same: mean similarity of an image's map to those of the other images of its class.
        other: mean similarity to those of images of other classes.
        more: their difference, for images that have both.
    """

    same: Estimate
    other: Estimate
    more: Estimate


def likeness(maps: Tensor, labels: Tensor, seed: int) -> dict[str, Likeness]:
    """Compare each map with all others.

    Args:
        maps: `(N, C, H, W)`.
        labels: `(N,)`.
        seed: seed of the bootstrap. It resamples images and uses all pairs of them, since pairs
            that share an image are not independent. An image is not paired with itself.

    Returns:
        By `KINDS`. Constant maps are left out; for the overlap also maps without positive values.
    """
    absolute = without_sign(maps)
    tables = (correlations(maps), overlaps(maps), correlations(absolute), overlaps(absolute))
    same = (labels[:, None] == labels).numpy()
    return {kind: _likeness(table, same, seed) for kind, table in zip(KINDS, tables, strict=True)}


def correlations(maps: Tensor) -> Array:
    """Spearman's correlation of every map with every other.

    Args:
        maps: `(N, C, H, W)`.

    Returns:
        `(N, N)`; NaN on the diagonal, and where one of the two is constant.
    """
    ranks = unit_ranks(maps).numpy()
    found: Array = ranks @ ranks.T
    np.fill_diagonal(found, np.nan)
    return found


def overlaps(maps: Tensor) -> Array:
    """Intersection over union of the highest-ranked pixels of every pair of maps.

    Args:
        maps: `(N, C, H, W)`.

    Returns:
        `(N, N)`; NaN on the diagonal, and where one of the two has no positive value.
    """
    top = top_pixels(maps).double().numpy()
    both, count = top @ top.T, top.sum(axis=1)
    either = count[:, None] + count - both
    present = (count[:, None] > 0) & (count > 0)
    found: Array = np.divide(both, either, out=np.full_like(both, np.nan), where=present)
    np.fill_diagonal(found, np.nan)
    return found


def _likeness(table: Array, same: NDArray[np.bool_], seed: int) -> Likeness:
    def within(times: Array) -> Array:
        return _of_each(table, same, times)

    def beyond(times: Array) -> Array:
        return _of_each(table, ~same, times)

    def more(times: Array) -> Array:
        return within(times) - beyond(times)

    def estimate(of_each: Callable[[Array], Array]) -> Estimate:
        return resampled(len(table), lambda times: _mean_drawn(of_each(times), times), seed)

    return Likeness(estimate(within), estimate(beyond), estimate(more))


def _of_each(table: Array, chosen: NDArray[np.bool_], times: Array) -> Array:
    """Each image's mean over the chosen other images, weighted by their counts: `(B, N)`."""
    chosen = chosen & np.isfinite(table)
    total, count = times @ np.where(chosen, table, 0).T, times @ chosen.T.astype(np.float64)
    means: Array = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
    return means


def _mean_drawn(values: Array, times: Array) -> Array:
    """The mean over the drawn images, `(B,)`; NaN is left out."""
    times = np.where(np.isfinite(values), times, 0)
    total, count = (times * np.nan_to_num(values)).sum(axis=1), times.sum(axis=1)
    means: Array = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
    return means
