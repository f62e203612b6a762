"""Statistics of theorems 1 and 2 and proposition 1, estimated over random networks."""

import math
import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.stats import DegenerateDataWarning, bootstrap

from captum_rectgrad.evaluation.estimate import Estimate
from captum_rectgrad.evaluation.intervals import difference, mean
from captum_rectgrad.studies.nie2018.simulation import Sample

_RESAMPLES = 500
_FEW = 10  # least number of networks for an interval


def relative_variance(sample: Sample, seed: int) -> Estimate:
    """Mean square of the values divided by the theoretical variance; 1 for a standard Gaussian.

    Args:
        sample: values of the random networks.
        seed: seed of the bootstrap over networks.

    Returns:
        The mean over networks, including empty maps, which are results of the rule, too.
    """
    return mean(sample.pairs[:, 1], seed)


def skewness(sample: Sample, seed: int) -> Estimate:
    """Skewness of the values of all networks, without empty maps; 0 for a Gaussian.

    Args:
        sample: values of the random networks.
        seed: seed of the bootstrap over networks.

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
    """Excess kurtosis of the values of all networks, without empty maps; 0 for a Gaussian.

    Args:
        sample: values of the random networks.
        seed: seed of the bootstrap over networks.

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

    All pairs are pooled, as all values have one distribution. Empty maps are left out.

    Args:
        sample: values of the random networks.
        seed: seed of the bootstrap over networks.

    Returns:
        The covariance of pairs divided by the variance.
    """
    pairs = sample.pairs[sample.pairs[:, 1] > 0]

    def ratio(chosen: NDArray[np.intp]) -> float:
        product, square, center = pairs[chosen].mean(axis=0)
        return float((product - center**2) / (square - center**2))

    return _over_networks(ratio, pairs, seed)


def mean_over_size(sample: Sample, seed: int) -> Estimate:
    """Mean of the values divided by their root mean square; 0 for a mean of 0.

    Args:
        sample: values of the random networks.
        seed: seed of the bootstrap over networks.

    Returns:
        The ratio, in [-1, 1].
    """
    pairs = sample.pairs[sample.pairs[:, 1] > 0]

    def ratio(chosen: NDArray[np.intp]) -> float:
        _, square, center = pairs[chosen].mean(axis=0)
        return float(center / math.sqrt(square))

    return _over_networks(ratio, pairs, seed)


def of_its_own_image(sample: Sample, seed: int) -> Estimate:
    """Excess similarity of maps to their own image, compared with another image.

    The correlations are absolute: with random weights a map and its negative are equally likely,
    so a signed correlation has mean 0 for any rule.

    Args:
        sample: correlations of the random networks.
        seed: seed of the bootstrap over networks.

    Returns:
        The mean difference of the absolute correlations.
    """
    return difference(abs(sample.with_input), abs(sample.with_other), seed)


def _over_networks(
    statistic: Callable[[NDArray[np.intp]], float], values: NDArray[np.float64], seed: int
) -> Estimate:
    """A statistic of a subset of the networks, by their indices, with its bootstrap interval."""
    count = len(values)
    if count < _FEW:
        nan = float("nan")
        return Estimate(statistic(np.arange(count)) if count else nan, nan, nan, count)
    everything = np.arange(count)
    with warnings.catch_warnings():
        # A statistic that is not defined for some draws has no interval (NaN). SciPy's warning
        # about it names another method (BCa).
        warnings.simplefilter("ignore", DegenerateDataWarning)
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
    """For each network without an empty map, the means of the first four powers of its values."""
    values = sample.values[np.isfinite(sample.values).all(axis=1) & sample.values.any(axis=1)]
    return np.stack([(values**power).mean(axis=1) for power in range(1, 5)], axis=1)
