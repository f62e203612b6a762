"""95 % intervals over images or networks, paired where two methods share them.

Means have percentile bootstrap intervals: of 10 values these cover about 88 %, of 20 about 91 %;
of fewer than 10 there is none (NaN), which decides nothing. A bootstrap of zeros and ones that are
nearly all alike sees no spread, so proportions have exact (Clopper-Pearson) intervals. Where a few
networks share many images, `crossed_mean` counts both: resampling three networks would miss a
third of what they vary.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest, bootstrap
from scipy.stats import t as student

from captum_rectgrad.evaluation.estimate import Estimate

RESAMPLES = 2000
AT_ONCE = 50  # resamples in memory: of 10,000 images, 4 MB
ENOUGH = 10  # values for a bootstrap
_BY_IMAGE = 2  # dimensions: of networks, and of images
_EACH = 0.975  # confidence of each of two exact intervals that hold together with 95 %


def mean(values: ArrayLike, seed: int = 0) -> Estimate:
    """A mean with its 95 % percentile bootstrap interval.

    Args:
        values: `(N,)`, one for each independent thing; those that are not finite are left out.
        seed: of the resampling.

    Returns:
        The mean; without an interval (NaN) of fewer than `ENOUGH` values, all NaN of none.
    """
    return _estimate((_finite(values),), _mean, seed)


def crossed_mean(values: ArrayLike, seed: int = 0) -> Estimate:
    """A mean over networks and over the images that they share, with its 95 % interval.

    The variances of the networks' means and of the images' means, each over its number, add up;
    the interval is Student's, with Satterthwaite's degrees of freedom: where networks differ most,
    those of a few networks, where images do, those of many images. What varies by network and by
    image at once is counted twice, so the interval is rather too wide than too narrow.

    Args:
        values: `(R, N)`, of R networks and N images. An image with a value that is not finite is
            left out.
        seed: of the resampling of images where there is a single network.

    Returns:
        The mean, counting images; without an interval (NaN) of fewer than `ENOUGH` images, all NaN
        of none. With one network, `mean` over the images: it says nothing of other networks.

    Raises:
        ValueError: `values` are not `(R, N)`, or there is no network.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != _BY_IMAGE or not len(array):
        raise ValueError(f"expected values by network and image, (R, N); got {array.shape}")
    array = array[:, np.isfinite(array).all(axis=0)]
    networks, images = array.shape
    if networks == 1 or images < ENOUGH:
        return mean(array.mean(axis=0), seed)
    parts = np.array([array.mean(axis=1).var(ddof=1), array.mean(axis=0).var(ddof=1)])
    parts = parts / (networks, images)
    value, variance = float(array.mean()), float(parts.sum())
    if variance == 0:
        return Estimate(value, value, value, images)
    freedom = variance**2 / float((parts**2 / (networks - 1, images - 1)).sum())
    half = float(student.ppf(0.975, freedom)) * variance**0.5
    return Estimate(value, value - half, value + half, images)


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
        The mean of `first` less that of `second`; values that are not finite are left out. Without
        an interval (NaN) where either has fewer than `ENOUGH` values.
    """
    return _estimate((_finite(first), _finite(second)), _mean_difference, seed)


def proportion(values: ArrayLike) -> Estimate:
    """How often something is so, with its exact 95 % interval (Clopper and Pearson).

    Args:
        values: `(N,)`, 1 where it is and 0 where not; what is NaN is left out.

    Returns:
        The share of ones, all NaN of no value. It is never without width: of 20 ones of 20 it is
        0.83 to 1.

    Raises:
        ValueError: a value is neither 0 nor 1.
    """
    array = _finite(values)
    if not np.isin(array, (0, 1)).all():
        raise ValueError("a proportion is of values 0 and 1; got others")
    if not len(array):
        return Estimate(float("nan"), float("nan"), float("nan"), 0)
    found = binomtest(int(array.sum()), len(array)).proportion_ci(method="exact")
    return Estimate(float(array.mean()), float(found.low), float(found.high), len(array))


def share(values: ArrayLike, seed: int = 0) -> Estimate:
    """A mean of shares, with a 95 % interval that has a width though all of them are 0 or 1.

    Args:
        values: `(N,)`, in [0, 1]; those that are not finite are left out.
        seed: of the resampling.

    Returns:
        That of `proportion` where nothing but zeros and ones is found, else that of `mean`.
    """
    array = _finite(values)
    return proportion(array) if np.isin(array, (0, 1)).all() else mean(array, seed)


def proportion_difference(first: ArrayLike, second: ArrayLike, seed: int = 0) -> Estimate:
    """The paired difference of two proportions, with its 95 % interval.

    Only pairs that differ tell anything. Of `ENOUGH` of them the bootstrap is good; of fewer, how
    often `first` alone is 1 and how often `second` alone is, are bounded exactly and together.

    Args:
        first: `(N,)`, 1 or 0.
        second: `(N,)`, of the same things in the same order.
        seed: of the resampling.

    Returns:
        The share of ones in `first` less that in `second`, all NaN of no pair.

    Raises:
        ValueError: the two are not of one length.
    """
    found = difference(first, second, seed)
    gaps = _finite(np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64))
    ahead, behind = int((gaps > 0).sum()), int((gaps < 0).sum())
    if not found.count or ahead + behind >= ENOUGH:
        return found
    more, less = (
        binomtest(times, found.count).proportion_ci(_EACH, method="exact")
        for times in (ahead, behind)
    )
    return Estimate(
        found.value, float(more.low - less.high), float(more.high - less.low), found.count
    )


def resampled(
    count: int, statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]], seed: int = 0
) -> Estimate:
    """Anything that follows from how often each thing was drawn, with its 95 % bootstrap interval.

    For what is no mean over independent values, such as a mean over pairs of the things.

    Args:
        count: number of things.
        statistic: from how often each was drawn, `(B, count)`, to the numbers, `(B,)`; where one
            is not defined, NaN.
        seed: of the resampling.

    Returns:
        The number with each thing drawn once; without an interval (NaN) of fewer than `ENOUGH`.
    """
    value = float(statistic(np.ones((1, count)))[0])
    if count < ENOUGH or not np.isfinite(value):
        return Estimate(value, float("nan"), float("nan"), count)

    def of_drawn(drawn: NDArray[np.intp], axis: int = -1) -> NDArray[np.float64]:
        del axis  # the last
        rows = np.atleast_2d(drawn)
        times = np.stack([np.bincount(row, minlength=count) for row in rows])
        return statistic(times.astype(np.float64)).reshape(drawn.shape[:-1])

    found = bootstrap(
        (np.arange(count),),
        of_drawn,
        n_resamples=RESAMPLES,
        batch=AT_ONCE,
        method="percentile",
        vectorized=True,
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Estimate(value, float(found.low), float(found.high), count)


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
    if count < ENOUGH:
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
