"""Areas under and over accuracy curves, with intervals over test images and networks."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap

from captum_rectgrad.evaluation.estimate import Estimate
from captum_rectgrad.evaluation.intervals import AT_ONCE, LEVEL, RESAMPLES

_DIGITS = 12
# Which test images each network of a point of a curve classified correctly: (K, N). The mean of
# several networks has values between 0 and 1.
Point = NDArray[np.bool_] | NDArray[np.float64]
Floats = NDArray[np.float64]


def trapezoid_weights(fractions: Sequence[float]) -> Floats:
    """Weights of a curve's points in its area.

    Table 1 does not state the normalisation of areas. Its random baseline has a ROAR AUC and a KAR
    AOC that sum to 1, so both are over an interval of length 1, or divided by its length. Here it
    is the trapezoidal rule over the fractions, divided by the distance of the first and the last.

    Args:
        fractions: ascending, at least one.

    Returns:
        `(F,)`, with sum 1: an area is a weighted mean accuracy, and the area over a curve is 1
        minus it.
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
    curve: Sequence[Point],
    weights: Sequence[float] | Floats,
    seed: int,
    constant: float = 0.0,
    level: float = LEVEL,
) -> Estimate:
    """A constant plus a weighted sum of accuracies, with its percentile bootstrap interval.

    Every resample draws test images, the same for all points, and networks for each point. Points
    of a single network are not resampled over networks. A plain bootstrap of K networks has
    (K - 1) / K of their variance, two thirds at K = 3, so a resample's deviation from the mean of
    all networks is multiplied by sqrt(K / (K - 1)). The variance is still estimated from few
    networks: for curves of five points with three networks each the interval covers somewhat less
    than 95 %.

    Args:
        curve: the points, each `(K, N)`, of the same images in the same order.
        weights: weight of each point; negative in the difference of two curves.
        seed: seed of the resampling.
        constant: the constant.
        level: confidence of the interval.

    Returns:
        The sum. It has no interval (NaN) for a single image.
    """
    images, networks = curve[0].shape[1], sum(len(point) for point in curve)
    value = round(constant + float(np.dot(weights, accuracies(curve))), _DIGITS)
    if images == 1:
        return Estimate(value, float("nan"), float("nan"), networks)
    several = [number for number, point in enumerate(curve) if len(point) > 1]

    def statistic(drawn: NDArray[np.intp], *chosen: NDArray[np.intp], axis: int = -1) -> Floats:
        del axis  # always the last one
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
        # Equal curves have a difference of exactly 0, without the rounding of 0.1 + 0.2 - 0.3.
        return np.round(result, _DIGITS).reshape(drawn.shape[:-1])

    interval = bootstrap(
        (np.arange(images), *(np.arange(len(curve[number])) for number in several)),
        statistic,
        n_resamples=RESAMPLES,
        batch=AT_ONCE,
        confidence_level=level,
        method="percentile",
        vectorized=True,
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Estimate(value, float(interval.low), float(interval.high), networks)


def _shares(drawn: NDArray[np.intp], count: int) -> Floats:
    """Share of the draws of each of `count` items: `(B, count)`."""
    rows = np.atleast_2d(drawn)
    times = [np.bincount(row, minlength=count) for row in rows]
    shares: Floats = np.stack(times) / rows.shape[1]
    return shares
