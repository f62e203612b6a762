"""Samples of means, against Student's distribution and the bootstrap."""

import numpy as np
import pytest
from scipy.stats import t as student

from captum_rectgrad.studies.board.resampling import resampled_means


@pytest.mark.parametrize("networks", [2, 3, 5])
def test_networks_add_students_errors(networks: int) -> None:
    """The images of a network are equal, so that they add nothing; 20,000 samples in all."""
    means = np.random.default_rng(networks).normal(size=(networks, 1))
    values = np.repeat(means[:, :, None], 10, axis=2)
    samples = np.concatenate([resampled_means(values, seed)[:, 0] for seed in range(20)])
    scores = (samples - means.mean()) / (means.std(ddof=1) / networks**0.5)
    expected = student.ppf([0.1, 0.9, 0.975], networks - 1)
    assert np.quantile(scores, [0.1, 0.9, 0.975]) == pytest.approx(expected, rel=0.1)


def test_methods_share_the_errors_of_networks_and_images() -> None:
    """A method that is better by the same on every image of every network is so in all samples."""
    generator = np.random.default_rng(0)
    first = generator.normal(size=(3, 1, 1)) + generator.normal(size=(3, 1, 20))
    samples = resampled_means(np.concatenate([first, first + 0.01], axis=1), 0)
    assert samples[:, 1] - samples[:, 0] == pytest.approx(0.01)
    assert samples[:, 0].std() > 0.1


def test_one_network_has_the_bootstrap_of_its_images() -> None:
    values = np.random.default_rng(0).normal(size=(1, 1, 40))
    samples = resampled_means(values, 0)[:, 0]
    assert samples.mean() == pytest.approx(values.mean(), abs=0.02)
    assert samples.std() == pytest.approx(values.std() / 40**0.5, rel=0.1)


def test_undefined_images_are_left_out_of_samples() -> None:
    """A method with one image has no value in the samples without it, (39 / 40) ** 40 or 36 %."""
    values = np.zeros((1, 2, 40))
    values[0, 1, 1:] = np.nan
    samples = resampled_means(values, 0)
    assert (samples[:, 0] == 0).all()
    assert np.isnan(samples[:, 1]).mean() == pytest.approx(0.36, abs=0.05)
