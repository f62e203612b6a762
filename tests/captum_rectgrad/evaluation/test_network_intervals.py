"""By hand, and by how often the intervals hold the true value."""

import math

import numpy as np
import pytest
from scipy.stats import t as student

from captum_rectgrad.evaluation.intervals import difference, independent_difference, mean
from captum_rectgrad.evaluation.network_intervals import (
    difference_of_networks,
    mean_of_networks,
    unpaired_difference,
)

SAMPLE = np.random.default_rng(0).exponential(2.0, 400)


@pytest.mark.parametrize("deviations", [(1, 0.1, 0.1), (0.1, 1, 0.1), (0.2, 0.2, 1), (0, 1, 0)])
def test_networks_with_images_of_their_own_are_held_in_95_of_100_cases(
    deviations: tuple[float, float, float],
) -> None:
    by_network, by_image, by_both = deviations
    held = []
    for seed in range(400):
        generator = np.random.default_rng(seed)
        draw = generator.standard_normal
        values = by_network * draw((3, 1)) + by_image * draw(120) + by_both * draw((3, 120))
        chosen = generator.random((3, 120)) < 0.4
        picked = [each[here] for each, here in zip(values, chosen, strict=True)]
        others = [each[~here] for each, here in zip(values, chosen, strict=True)]
        gap = difference_of_networks(picked, others)  # of which the network's part is none
        found = mean_of_networks(picked)
        held.append((found.low < 0 < found.high, gap.low < 0 < gap.high))
    assert np.mean(held, axis=0).min() > 0.92


def test_means_of_networks_by_hand() -> None:
    tens = [np.arange(10.0) + network for network in (0, 1, 5)]
    found = mean_of_networks(tens)
    assert found.value == pytest.approx(4.5 + 2)
    # Variance of 0, 1, 5 is 7; that of 0 to 9 is 55 / 6. Both over their numbers, 3 and 10.
    # A difference adds that of 1 and 3, which is 10 / 9.
    gap = difference_of_networks(tens, [[1.0, 3.0] * 5] * 3)
    assert gap.value == pytest.approx(4.5)
    assert found.count == gap.count == 10
    for estimate, images in ((found, 55 / 60), (gap, 55 / 60 + 1 / 9)):
        variance = 7 / 3 + images
        freedom = variance**2 / ((7 / 3) ** 2 / 2 + images**2 / 9)
        half = student.ppf(0.975, freedom) * math.sqrt(variance)
        assert estimate.high - estimate.value == pytest.approx(half)
    assert math.isnan(mean_of_networks([*tens, np.arange(9.0)]).low)
    assert mean_of_networks([*tens, [math.nan]]).count == 0
    assert mean_of_networks([SAMPLE]) == mean(SAMPLE)
    assert difference_of_networks([SAMPLE], [SAMPLE]) == independent_difference(SAMPLE, SAMPLE)


@pytest.mark.parametrize("networks", [(3, 3), (3, 1), (1, 3)])
def test_networks_of_two_kinds_are_held_in_95_of_100_cases(networks: tuple[int, int]) -> None:
    held = []
    for seed in range(400):
        draw = np.random.default_rng(seed).standard_normal
        # A single network of a kind has no deviation of its own, as no other is meant.
        first, second = (
            (0.3 * draw((count, 1)) if count > 1 else 0) + draw(60) + 0.2 * draw((count, 60))
            for count in networks
        )
        found = unpaired_difference(first, second)
        held.append(found.low < 0 < found.high)
    assert np.mean(held) > 0.92


def test_of_one_network_of_each_kind_it_is_the_paired_difference() -> None:
    first, second = SAMPLE[None], SAMPLE[None] + 0.1
    assert unpaired_difference(first, second) == difference(first, second)
    assert math.isnan(unpaired_difference(np.ones((3, 9)), np.ones((1, 9))).low)
