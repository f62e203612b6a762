"""95 % intervals over images or networks, paired where two methods share them.

Means have percentile bootstrap intervals. These cover about 88 % with 10 values and about 91 % with
20. Fewer than 10 values have no interval (NaN), and a verdict is then undecided. A bootstrap of
nearly constant zeros and ones has almost no spread, so proportions have exact (Clopper-Pearson)
intervals. `crossed_mean` accounts for networks and images together: with three networks, a
bootstrap over networks misses a third of their variance.
"""

import warnings
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import DegenerateDataWarning, binomtest, bootstrap
from scipy.stats import t as student

from captum_rectgrad.evaluation.estimate import Estimate

RESAMPLES = 2000
AT_ONCE = 50  # resamples in memory: 4 MB for 10,000 images
LEVEL = 0.95  # confidence of an interval
ENOUGH = 10  # least number of values for a bootstrap
_BY_IMAGE = 2  # number of dimensions of an array by network and image
_EACH = 0.975  # confidence of each of two exact intervals with a joint confidence of 95 %


def mean(values: ArrayLike, seed: int = 0, level: float = LEVEL) -> Estimate:
    """A mean with its percentile bootstrap interval.

    Args:
        values: `(N,)`, one for each independent unit; values that are not finite are dropped. Or
            `(R, N)`, of R networks and N images, for `crossed_mean`.
        seed: seed of the resampling.
        level: confidence of the interval, in (0, 1).

    Returns:
        The mean. It has no interval (NaN) for fewer than `ENOUGH` values; all fields are NaN for
        none.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == _BY_IMAGE:
        return crossed_mean(array, seed, level)
    return _estimate((finite(array),), _mean, seed, level)


def crossed_mean(values: ArrayLike, seed: int = 0, level: float = LEVEL) -> Estimate:
    """A mean over networks and the images they share, with its interval.

    The variance is the variance of the networks' means over the number of networks plus the
    variance of the images' means over the number of images. The interval is Student's, with
    Satterthwaite's degrees of freedom. Variance from the interaction of network and image is
    counted twice, so the interval is conservative.

    Args:
        values: `(R, N)`, of R networks and N images. An image with a value that is not finite is
            dropped.
        seed: seed of the resampling of images, used with a single network.
        level: confidence of the interval, in (0, 1).

    Returns:
        The mean; its count is the number of images. It has no interval (NaN) for fewer than
        `ENOUGH` images; all fields are NaN for none. With one network it is `mean` over the images
        and does not generalise to other networks.

    Raises:
        ValueError: `values` is not `(R, N)`, or has no network.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != _BY_IMAGE or not len(array):
        raise ValueError(f"expected values of shape (R, N), networks by images; got {array.shape}")
    array = array[:, np.isfinite(array).all(axis=0)]
    networks, images = array.shape
    if networks == 1 or images < ENOUGH:
        return mean(array.mean(axis=0) if images else [], seed, level)
    parts = np.array([array.mean(axis=1).var(ddof=1), array.mean(axis=0).var(ddof=1)])
    parts = parts / (networks, images)
    value, freedoms = float(array.mean()), (networks - 1, images - 1)
    return students_interval(value, parts, freedoms, images, level)


def difference(
    first: ArrayLike, second: ArrayLike, seed: int = 0, level: float = LEVEL
) -> Estimate:
    """The mean of paired differences with its percentile bootstrap interval.

    Args:
        first: `(N,)`, or `(R, N)` as for `mean`.
        second: of the same shape, of the same units in the same order.
        seed: seed of the resampling.
        level: confidence of the interval, in (0, 1).

    Returns:
        The mean of `first - second`; pairs that are not finite are dropped.

    Raises:
        ValueError: the two have different lengths.
    """
    pair = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if pair[0].shape != pair[1].shape:
        raise ValueError(
            f"paired values must have the same shape, got {pair[0].shape} and {pair[1].shape}"
        )
    return mean(pair[0] - pair[1], seed, level)


def independent_difference(
    first: ArrayLike, second: ArrayLike, seed: int = 0, level: float = LEVEL
) -> Estimate:
    """The difference of the means of two independent samples, with its bootstrap interval.

    Args:
        first: `(N,)`.
        second: `(M,)`.
        seed: seed of the resampling.
        level: confidence of the interval, in (0, 1).

    Returns:
        The mean of `first` minus the mean of `second`; values that are not finite are dropped. It
        has no interval (NaN) if either has fewer than `ENOUGH` values.
    """
    return _estimate((finite(first), finite(second)), _mean_difference, seed, level)


def students_interval(
    value: float,
    parts: NDArray[np.float64],
    freedoms: Sequence[int],
    count: int,
    level: float,
) -> Estimate:
    """Student's interval with the sum of variances, by Satterthwaite's degrees of freedom.

    Args:
        value: the mean.
        parts: independent parts of its variance.
        freedoms: degrees of freedom of each part.
        count: number of images, for the estimate.
        level: confidence of the interval, in (0, 1).

    Returns:
        The estimate; its interval has no width if all parts are 0.
    """
    variance = float(parts.sum())
    if variance == 0:
        return Estimate(value, value, value, count)
    freedom = variance**2 / float((parts**2 / np.asarray(freedoms)).sum())
    half = float(student.ppf((1 + level) / 2, freedom)) * variance**0.5
    return Estimate(value, value - half, value + half, count)


def proportion(values: ArrayLike, level: float = LEVEL) -> Estimate:
    """A proportion with its exact interval (Clopper and Pearson).

    Args:
        values: `(N,)`, 0 or 1; NaN is dropped. Or `(R, N)`, of R networks and N images: the
            interval then contains that of `crossed_mean`, within 0 and 1, and the exact one of N
            images with the rounded mean, which has a width even if all values are equal.
        level: confidence of the interval, in (0, 1).

    Returns:
        The share of ones; all fields are NaN for no value. The interval always has a width: for 20
        ones of 20 it is 0.83 to 1.

    Raises:
        ValueError: a value is neither 0 nor 1.
    """
    array = finite(values)
    if not np.isin(array, (0, 1)).all():
        raise ValueError("a proportion takes values 0 and 1, got other values")
    crossed = np.asarray(values, dtype=np.float64)
    if crossed.ndim == _BY_IMAGE and len(crossed) > 1:
        found = crossed_mean(crossed, level=level)
        if not found.count:
            return found
        exact = _exact(found.value, found.count, level)
        # Few images have no crossed interval (NaN), which `fmin` and `fmax` pass over.
        low = max(0.0, float(np.fmin(found.low, exact.low)))
        high = min(1.0, float(np.fmax(found.high, exact.high)))
        return Estimate(found.value, low, high, found.count)
    if not len(array):
        return Estimate(float("nan"), float("nan"), float("nan"), 0)
    return _exact(float(array.mean()), len(array), level)


def share(values: ArrayLike, seed: int = 0) -> Estimate:
    """A mean of shares, with a 95 % interval that has a width even if all shares are 0 or 1.

    Args:
        values: `(N,)`, or `(R, N)` as for `mean`, in [0, 1]; values that are not finite are
            dropped.
        seed: seed of the resampling.

    Returns:
        The result of `proportion` if all values are 0 or 1, else that of `mean`.
    """
    found = finite(values)
    return proportion(values) if np.isin(found, (0, 1)).all() else mean(values, seed)


def proportion_difference(first: ArrayLike, second: ArrayLike, seed: int = 0) -> Estimate:
    """The paired difference of two proportions, with its 95 % interval.

    Only pairs that differ carry information. With at least `ENOUGH` of them the interval is a
    bootstrap. With fewer, the proportions of pairs in which only `first` or only `second` is 1
    have joint exact intervals.

    Args:
        first: `(N,)`, 1 or 0, or `(R, N)` as for `difference`.
        second: of the same shape, of the same units in the same order.
        seed: seed of the resampling.

    Returns:
        The share of ones in `first` minus that in `second`; all fields are NaN for no pair.

    Raises:
        ValueError: the two have different lengths.
    """
    found = difference(first, second, seed)
    gaps = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    gaps = np.atleast_2d(gaps)[:, np.isfinite(np.atleast_2d(gaps)).all(axis=0)]
    # Of several networks, an image counts if any of them differs.
    ahead, behind = (int(differs.any(axis=0).sum()) for differs in (gaps > 0, gaps < 0))
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
    """A statistic of the resampling counts, with its 95 % bootstrap interval.

    For statistics that are not means over independent values, such as a mean over pairs of units.

    Args:
        count: number of units.
        statistic: maps the number of times each unit was drawn, `(B, count)`, to the statistic,
            `(B,)`; NaN where it is not defined.
        seed: seed of the resampling.

    Returns:
        The statistic with each unit drawn once; without an interval (NaN) for fewer than `ENOUGH`
        units.
    """
    value = float(statistic(np.ones((1, count)))[0])
    if count < ENOUGH or not np.isfinite(value):
        return Estimate(value, float("nan"), float("nan"), count)

    def of_drawn(drawn: NDArray[np.intp], axis: int = -1) -> NDArray[np.float64]:
        del axis  # always the last one
        rows = np.atleast_2d(drawn)
        times = np.stack([np.bincount(row, minlength=count) for row in rows])
        return statistic(times.astype(np.float64)).reshape(drawn.shape[:-1])

    with warnings.catch_warnings():
        # A statistic that is not defined for some draws has no interval (NaN). SciPy's warning
        # about it names another method (BCa).
        warnings.simplefilter("ignore", DegenerateDataWarning)
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


def _exact(value: float, count: int, level: float) -> Estimate:
    """A proportion of `count` values with Clopper and Pearson's interval."""
    found = binomtest(round(value * count), count).proportion_ci(level, method="exact")
    return Estimate(value, float(found.low), float(found.high), count)


def finite(values: ArrayLike) -> NDArray[np.float64]:
    """The values that are neither NaN nor infinite.

    Args:
        values: any shape.

    Returns:
        `(N,)`.
    """
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
    level: float,
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
        confidence_level=level,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Estimate(value, float(found.low), float(found.high), count)
