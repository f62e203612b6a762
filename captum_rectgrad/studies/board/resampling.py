"""Random samples of means over images and networks, for the intervals of ranks."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000


def same_images(values: Sequence[NDArray[np.float64]]) -> bool:
    """Whether networks have the same images: then they have the same number.

    Args:
        values: for each network r an array `(..., N_r)`.
    """
    return len({each.shape[-1] for each in values}) == 1


def resampled_means(values: Sequence[NDArray[np.float64]], seed: int) -> NDArray[np.float64]:
    """Means of all methods over images and networks, in random samples.

    Images are drawn with replacement, for all methods alike. Networks are few, and a bootstrap of
    three shows two thirds of their variance. What they add to the means is therefore drawn from the
    multivariate Student's distribution with the covariance of the networks' means over their
    number. So the difference of two methods has Student's interval, as in
    `captum_rectgrad.evaluation.intervals.crossed_mean`.

    Args:
        values: for each network r the methods' values on its images, `(methods, N_r)`; NaN where
            undefined. Each method has a value on every network.
        seed: seed of the samples. Columns with the same networks have the same samples of these,
            and with the same images also of images.

    Returns:
        `(RESAMPLES, methods)`; NaN for a method without a value in a sample of images.
    """
    generator = np.random.default_rng(seed)
    errors = _network_errors(np.stack([np.nanmean(each, axis=1) for each in values]), generator)
    shared = same_images(values)
    samples: list[NDArray[np.float64]] = []
    for each in values:
        if not (samples and shared):
            images = each.shape[1]
            counts = generator.multinomial(images, np.full(images, 1 / images), size=RESAMPLES)
        finite = np.isfinite(each)
        with np.errstate(invalid="ignore"):
            samples.append(counts @ np.where(finite, each, 0).T / (counts @ finite.T))
    means: NDArray[np.float64] = np.mean(samples, axis=0) + errors
    return means


def _network_errors(
    means: NDArray[np.float64], generator: np.random.Generator
) -> NDArray[np.float64]:
    """Random errors of the mean over networks, `(RESAMPLES, methods)`, from `(networks, methods)`.

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
