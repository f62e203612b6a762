"""Areas under and over the curves, with intervals over test images and networks."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap

from captum_rectgrad.evaluation.estimate import Estimate
from captum_rectgrad.evaluation.intervals import AT_ONCE, RESAMPLES

_DIGITS = 12
# Which test images were classified correctly, by each network of a point of a curve: (K, N).
Point = NDArray[np.bool_]
Floats = NDArray[np.float64]


def trapezoid_weights(fractions: Sequence[float]) -> Floats:
    """What each point of a curve counts in its area.

    Table 1 does not say how areas are normalised. Its random baseline has a ROAR AUC and a KAR AOC
    that sum to 1, so both are over an interval of length 1, or divided by its length. Here: the
    trapezoidal rule over the fractions, divided by the length from the first to the last.

    Args:
        fractions: ascending, at least one.

    Returns:
        `(F,)`, of sum 1: an area is a weighted mean accuracy, and that over a curve is 1 less it.
    """
    if len(fractions) == 1:
        return np.ones(1)
    steps = np.diff(np.asarray(fractions, dtype=np.float64))
    weights: Floats = (np.append(steps, 0) + np.insert(steps, 0, 0)) / (2 * steps.sum())
    return weights


def accuracies(curve: Sequence[Point]) -> list[float]:
    """The mean accuracy of each point's networks."""
    return [float(point.mean()) for point in curve]


def weighted_accuracy(
    curve: Sequence[Point], weights: Sequence[float] | Floats, seed: int, constant: float = 0.0
) -> Estimate:
    """A constant plus a weighted sum of accuracies, with its 95 % percentile bootstrap interval.

    Every resample draws test images, the same for all points, and for each point its networks.
    Points of a single network are kept as they are: the interval is then one over images alone.
    Of K networks a plain bootstrap sees (K - 1) / K of their variance, at K = 3 two thirds: so what
    a resample's networks deviate from the mean of all is multiplied by sqrt(K / (K - 1)). What is
    left of having few is that the variance itself is estimated from few: of curves of five points
    with three networks each the interval covers somewhat less than 95 %.

    Args:
        curve: the points, each `(K, N)`, of the same images in the same order.
        weights: of each point; may be negative, as for the difference of two curves.
        seed: of the resampling.
        constant: what is added.

    Returns:
        The sum; it rests on all networks together. Without an interval (NaN) of a single image.
    """
    images, networks = curve[0].shape[1], sum(len(point) for point in curve)
    value = round(constant + float(np.dot(weights, accuracies(curve))), _DIGITS)
    if images == 1:
        return Estimate(value, float("nan"), float("nan"), networks)
    several = [number for number, point in enumerate(curve) if len(point) > 1]

    def statistic(drawn: NDArray[np.intp], *chosen: NDArray[np.intp], axis: int = -1) -> Floats:
        del axis  # the last
        shares = _shares(drawn, images)
        result = np.full(len(shares), constant, dtype=np.float64)
        own = dict(zip(several, chosen, strict=True))
        for number, (point, weight) in enumerate(zip(curve, weights, strict=True)):
            each = shares @ point.T.astype(np.float64)
            accuracy = each.mean(axis=1)
            if number in own:
                count = len(point)
                deviation = (each * _shares(own[number], count)).sum(axis=1) - accuracy
                accuracy += np.sqrt(count / (count - 1)) * deviation
            result += weight * accuracy
        # Equal curves differ by nothing: not by what rounding leaves of 0.1 + 0.2 - 0.3.
        return np.round(result, _DIGITS).reshape(drawn.shape[:-1])

    interval = bootstrap(
        (np.arange(images), *(np.arange(len(curve[number])) for number in several)),
        statistic,
        n_resamples=RESAMPLES,
        batch=AT_ONCE,
        method="percentile",
        vectorized=True,
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Estimate(value, float(interval.low), float(interval.high), networks)


def _shares(drawn: NDArray[np.intp], count: int) -> Floats:
    """How often each of `count` things was drawn, as a share: `(B, count)`."""
    rows = np.atleast_2d(drawn)
    times = [np.bincount(row, minlength=count) for row in rows]
    shares: Floats = np.stack(times) / rows.shape[1]
    return shares
