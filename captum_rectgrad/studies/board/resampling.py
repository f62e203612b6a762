"""Random samples of means over images and networks, for the intervals of ranks."""

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000


def resampled_means(values: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Means of all methods over images and networks, in random samples.

    Images are drawn with replacement, for all methods and networks alike. Networks are few, and a
    bootstrap of three shows two thirds of their variance. What they add to the means is therefore
    drawn from a multivariate Student's distribution, with the covariance of the networks' means
    over their number as its scale. The difference of two methods then has Student's interval where
    images add nothing, and a wider one than that of
    `captum_rectgrad.evaluation.intervals.crossed_mean` elsewhere.

    Args:
        values: `(R, methods, N)`, of R networks and N images; NaN where undefined. Each method has
            a value on every network.
        seed: seed of the samples. Columns of the same networks have the same samples of networks,
            and those with the same number of images also of images.

    Returns:
        `(RESAMPLES, methods)`; NaN for a method without a value in a sample of images.
    """
    generator = np.random.default_rng(seed)
    errors = _network_errors(np.nanmean(values, axis=2), generator)
    images = values.shape[2]
    counts = generator.multinomial(images, np.full(images, 1 / images), size=RESAMPLES)
    finite = np.isfinite(values)
    sums = counts @ np.where(finite, values, 0).transpose(0, 2, 1)
    with np.errstate(invalid="ignore"):
        of_networks = sums / (counts @ finite.transpose(0, 2, 1))
    means: NDArray[np.float64] = of_networks.mean(axis=0) + errors
    return means


def _network_errors(
    means: NDArray[np.float64], generator: np.random.Generator
) -> NDArray[np.float64]:
    """Random errors of the mean over networks, `(RESAMPLES, methods)`, from `(R, methods)`.

    They are 0 for one network: nothing is then known of other networks.
    """
    networks, methods = means.shape
    if networks == 1:
        return np.zeros((RESAMPLES, methods))
    normal = generator.standard_normal((RESAMPLES, networks))
    freedom = networks - 1
    spread = np.sqrt(freedom / generator.chisquare(freedom, size=(RESAMPLES, 1)))
    deviations = means - means.mean(axis=0)
    errors: NDArray[np.float64] = spread * normal @ deviations / np.sqrt(networks * freedom)
    return errors
