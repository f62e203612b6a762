"""What theorems 1 and 2 and proposition 1 say of values, estimated over random networks."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap

from captum_rectgrad.evaluation.estimate import Estimate
from captum_rectgrad.evaluation.intervals import difference, mean
from captum_rectgrad.studies.nie2018.simulation import Sample

_RESAMPLES = 500
_FEW = 10  # networks: an interval of fewer means nothing


def relative_variance(sample: Sample, seed: int) -> Estimate:
    """Mean square of the values over what theory has; 1 for a standard Gaussian's.

    Args:
        sample: see there.
        seed: of the bootstrap over networks.

    Returns:
        The mean over networks, empty maps included: they, too, are what the rule gives.
    """
    return mean(sample.pairs[:, 1], seed)


def skewness(sample: Sample, seed: int) -> Estimate:
    """Of the values of all networks together, but for empty maps; 0 for a Gaussian's.

    Args:
        sample: see there.
        seed: of the bootstrap over networks.

    Returns:
        The skewness about the mean of all values.
    """
    powers = _powers(sample)

    def ratio(chosen: NDArray[np.intp]) -> float:
        first, second, third, _ = powers[chosen].mean(axis=0)
        central = third - 3 * first * second + 2 * first**3
        return float(central / (second - first**2) ** 1.5)

    return _over_networks(ratio, powers, seed)


def excess_kurtosis(sample: Sample, seed: int) -> Estimate:
    """Of the values of all networks together, but for empty maps; 0 for a Gaussian's.

    Args:
        sample: see there.
        seed: of the bootstrap over networks.

    Returns:
        The excess kurtosis.
    """
    powers = _powers(sample)

    def ratio(chosen: NDArray[np.intp]) -> float:
        first, second, third, fourth = powers[chosen].mean(axis=0)
        central = fourth - 4 * first * third + 6 * first**2 * second - 3 * first**4
        return float(central / (second - first**2) ** 2) - 3

    return _over_networks(ratio, powers, seed)


def pair_correlation(sample: Sample, seed: int) -> Estimate:
    """Correlation, over networks, of two different values of one map or signal.

    Of all pairs together, as all values have one distribution. Maps that are empty are left out.

    Args:
        sample: see there.
        seed: of the bootstrap over networks.

    Returns:
        Their covariance over their variance.
    """
    pairs = sample.pairs[sample.pairs[:, 1] > 0]

    def ratio(chosen: NDArray[np.intp]) -> float:
        product, square, center = pairs[chosen].mean(axis=0)
        return float((product - center**2) / (square - center**2))

    return _over_networks(ratio, pairs, seed)


def mean_over_size(sample: Sample, seed: int) -> Estimate:
    """Mean of the values over the root of their mean square; 0 for a mean of 0.

    Args:
        sample: see there.
        seed: of the bootstrap over networks.

    Returns:
        The ratio, in [-1, 1].
    """
    pairs = sample.pairs[sample.pairs[:, 1] > 0]

    def ratio(chosen: NDArray[np.intp]) -> float:
        _, square, center = pairs[chosen].mean(axis=0)
        return float(center / math.sqrt(square))

    return _over_networks(ratio, pairs, seed)


def of_its_own_image(sample: Sample, seed: int) -> Estimate:
    """By how much maps resemble their own image more than another, whatever the sign.

    A map and its negative are equally likely of random weights, so that a signed correlation has
    mean 0 whatever the map shows.

    Args:
        sample: see there.
        seed: of the bootstrap over networks.

    Returns:
        The mean difference of the absolute correlations.
    """
    return difference(abs(sample.with_input), abs(sample.with_other), seed)


def _over_networks(
    statistic: Callable[[NDArray[np.intp]], float], values: NDArray[np.float64], seed: int
) -> Estimate:
    """A statistic of some of the networks, by their numbers, with its bootstrap interval."""
    count = len(values)
    if count < _FEW:
        nan = float("nan")
        return Estimate(statistic(np.arange(count)) if count else nan, nan, nan, count)
    everything = np.arange(count)
    found = bootstrap(
        (everything,),
        lambda chosen: statistic(np.asarray(chosen, dtype=np.intp)),
        n_resamples=_RESAMPLES,
        vectorized=False,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Estimate(statistic(everything), float(found.low), float(found.high), count)


def _powers(sample: Sample) -> NDArray[np.float64]:
    """Of each network's values, but for empty maps, the means of their first four powers."""
    values = sample.values[np.isfinite(sample.values).all(axis=1) & sample.values.any(axis=1)]
    return np.stack([(values**power).mean(axis=1) for power in range(1, 5)], axis=1)
