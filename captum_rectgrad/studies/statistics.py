"""Bootstrap intervals, over images or networks, paired where two methods share them."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import bootstrap

from captum_rectgrad.studies.result import Estimate

RESAMPLES = 2000
AT_ONCE = 50  # resamples in memory: of 10,000 images, 4 MB
_FEW = 2


def mean(values: ArrayLike, seed: int = 0) -> Estimate:
    """A mean with its 95 % percentile bootstrap interval.

    Args:
        values: `(N,)`, one for each independent thing; those that are not finite are left out.
        seed: of the resampling.

    Returns:
        The mean; without an interval (NaN) of a single value, all NaN of none.
    """
    return _estimate((_finite(values),), _mean, seed)


def difference(first: ArrayLike, second: ArrayLike, seed: int = 0) -> Estimate:
    """The mean of paired differences with its 95 % percentile bootstrap interval.

    Args:
        first: `(N,)`.
        second: `(N,)`, of the same things in the same order.
        seed: of the resampling.

    Returns:
        The mean of `first - second`; pairs that are not finite are left out.

    Raises:
        ValueError: the two are not of one length.
    """
    pair = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if pair[0].shape != pair[1].shape:
        raise ValueError(f"paired values must be as many: got {pair[0].shape} and {pair[1].shape}")
    return mean(pair[0] - pair[1], seed)


def independent_difference(first: ArrayLike, second: ArrayLike, seed: int = 0) -> Estimate:
    """The difference of two means, of different things, with its 95 % bootstrap interval.

    Args:
        first: `(N,)`.
        second: `(M,)`.
        seed: of the resampling.

    Returns:
        The mean of `first` less that of `second`; values that are not finite are left out.
    """
    return _estimate((_finite(first), _finite(second)), _mean_difference, seed)


def _finite(values: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64).ravel()
    return array[np.isfinite(array)]


def _mean(values: NDArray[np.float64], axis: int = -1) -> NDArray[np.float64]:
    result: NDArray[np.float64] = np.mean(values, axis=axis)
    return result


def _mean_difference(
    first: NDArray[np.float64], second: NDArray[np.float64], axis: int = -1
) -> NDArray[np.float64]:
    return _mean(first, axis) - _mean(second, axis)


def _estimate(
    samples: tuple[NDArray[np.float64], ...],
    statistic: Callable[..., NDArray[np.float64]],
    seed: int,
) -> Estimate:
    count = min(len(sample) for sample in samples)
    if not count:
        return Estimate(float("nan"), float("nan"), float("nan"), 0)
    value = float(statistic(*samples))
    if count < _FEW:
        return Estimate(value, float("nan"), float("nan"), count)
    if all(np.ptp(sample) == 0 for sample in samples):
        return Estimate(value, value, value, count)
    found = bootstrap(
        samples,
        statistic,
        n_resamples=RESAMPLES,
        batch=AT_ONCE,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Estimate(value, float(found.low), float(found.high), count)
