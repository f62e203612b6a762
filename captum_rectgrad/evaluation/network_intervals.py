"""Intervals of networks that do not share their images, or that are of two kinds."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from captum_rectgrad.evaluation.estimate import Estimate
from captum_rectgrad.evaluation.intervals import (
    ENOUGH,
    LEVEL,
    finite,
    independent_difference,
    mean,
    students_interval,
)


def mean_of_networks(samples: Sequence[ArrayLike], seed: int = 0, level: float = LEVEL) -> Estimate:
    """A mean over networks that each have values for other images, with its interval.

    For measures of images on which networks differ, such as those whose class an attack changes.
    Networks have equal weights. The variance is that of the networks' means over their number, plus
    the mean of the variances of these means over images: conservative, as for `crossed_mean`, since
    networks may share any of the images. The interval is Student's, as there.

    Args:
        samples: `(N_r,)` for each network r; values that are not finite are dropped.
        seed: seed of the resampling, used with a single network.
        level: confidence of the interval, in (0, 1).

    Returns:
        The mean; its count is the least number of images of a network. It has no interval (NaN) if
        a network has fewer than `ENOUGH` values; all fields are NaN if one has none. With one
        network it is `mean`.
    """
    arrays = [finite(sample) for sample in samples]
    if len(arrays) == 1:
        return mean(arrays[0], seed, level)
    return _over_networks(
        [array.mean() if len(array) else np.nan for array in arrays],
        [_squared_error(array) for array in arrays],
        min(map(len, arrays)),
        level,
    )


def difference_of_networks(
    first: Sequence[ArrayLike], second: Sequence[ArrayLike], seed: int = 0, level: float = LEVEL
) -> Estimate:
    """The difference of two means of each network's own images, with its interval.

    Args:
        first: `(N_r,)` for each network r, as for `mean_of_networks`.
        second: `(M_r,)` for each network r, of other images.
        seed: seed of the resampling, used with a single network.
        level: confidence of the interval, in (0, 1).

    Returns:
        The mean over networks of the mean of `first` minus the mean of `second`. With one network
        it is `independent_difference`.
    """
    pairs = [(finite(one), finite(other)) for one, other in zip(first, second, strict=True)]
    if len(pairs) == 1:
        return independent_difference(*pairs[0], seed, level)
    return _over_networks(
        [one.mean() - other.mean() if len(one) and len(other) else np.nan for one, other in pairs],
        [_squared_error(one) + _squared_error(other) for one, other in pairs],
        min(len(sample) for pair in pairs for sample in pair),
        level,
    )


def unpaired_difference(
    first: ArrayLike, second: ArrayLike, seed: int = 0, level: float = LEVEL
) -> Estimate:
    """The difference of the means of networks of two kinds on the same images.

    The variance is that of each kind's means over its number of networks, plus that of the images'
    differences over the number of images. A single network of a kind adds nothing: the interval
    then does not generalise to others of that kind.

    Args:
        first: `(R, N)`, of R networks and N images.
        second: `(S, N)`, of S other networks and the same images.
        seed: seed of the resampling, used with one network of each kind.
        level: confidence of the interval, in (0, 1).

    Returns:
        The mean of `first` minus the mean of `second`. Images with a value that is not finite are
        dropped. It has no interval (NaN) for fewer than `ENOUGH` images.
    """
    kinds = [np.asarray(values, dtype=np.float64) for values in (first, second)]
    kept = np.isfinite(kinds[0]).all(axis=0) & np.isfinite(kinds[1]).all(axis=0)
    one, other = (values[:, kept] for values in kinds)
    gaps = one.mean(axis=0) - other.mean(axis=0)
    if len(gaps) < ENOUGH or len(one) == len(other) == 1:
        return mean(gaps, seed, level)
    several = [values for values in (one, other) if len(values) > 1]
    parts = [values.mean(axis=1).var(ddof=1) / len(values) for values in several]
    freedoms = [len(values) - 1 for values in several]
    parts.append(gaps.var(ddof=1) / len(gaps))
    freedoms.append(len(gaps) - 1)
    return students_interval(float(gaps.mean()), np.array(parts), freedoms, len(gaps), level)


def _squared_error(sample: NDArray[np.float64]) -> float:
    """The variance of a sample's mean."""
    return float(sample.var(ddof=1) / len(sample)) if len(sample) > 1 else float("nan")


def _over_networks(
    values: Sequence[float], errors: Sequence[float], count: int, level: float
) -> Estimate:
    """The mean of the networks' values, from the variance of each value over its images."""
    value = float(np.mean(values))
    if count < ENOUGH:
        return Estimate(value, float("nan"), float("nan"), count)
    parts = np.array([np.var(values, ddof=1) / len(values), np.mean(errors)])
    return students_interval(value, parts, (len(values) - 1, count - 1), count, level)
