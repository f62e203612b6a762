"""Areas by hand, and intervals against a bootstrap written out."""

import math

import numpy as np
import pytest
from scipy.integrate import trapezoid

from captum_rectgrad.studies.roar_kar import scores
from captum_rectgrad.studies.roar_kar.scores import trapezoid_weights, weighted_accuracy


def test_weights_by_hand() -> None:
    assert trapezoid_weights([0.4]).tolist() == [1]
    assert trapezoid_weights([0.3, 0.7]) == pytest.approx([0.5, 0.5])
    assert trapezoid_weights([0.1, 0.3, 0.5, 0.7, 0.9]) == pytest.approx(
        [1 / 8, *[1 / 4] * 3, 1 / 8]
    )
    assert trapezoid_weights([0.1, 0.2, 0.5]) == pytest.approx([0.125, 0.5, 0.375])


def test_weights_are_those_of_scipys_trapezoid() -> None:
    fractions, heights = np.array([0.1, 0.25, 0.5, 0.8]), np.array([0.9, 0.7, 0.4, 0.2])
    expected = trapezoid(heights, fractions) / 0.7
    assert trapezoid_weights(fractions.tolist()) @ heights == pytest.approx(expected)


def test_an_area_by_hand() -> None:
    # Two fractions, two networks, four images.
    first = np.array([[True, True, True, False], [True, True, False, False]])  # 5 of 8
    last = np.array([[True, False, False, False], [False, False, False, False]])  # 1 of 8
    area = weighted_accuracy([first, last], [0.5, 0.5], seed=0)
    assert area.value == 0.375
    assert area.count == 4
    over = weighted_accuracy([first, last], [-0.5, -0.5], seed=0, constant=1)
    assert over.value == 0.625
    # The same resamples, mirrored.
    assert (over.low, over.high) == pytest.approx((1 - area.high, 1 - area.low))


def test_the_interval_is_that_of_resampled_images_and_networks() -> None:
    generator = np.random.default_rng(0)
    curve = [
        generator.random((3, 200)) < 0.6 + 0.1 * np.arange(3)[:, None],
        generator.random((3, 200)) < 0.3,
    ]
    found = weighted_accuracy(curve, [0.5, 0.5], seed=1)
    values = []
    for _ in range(4000):
        images = generator.integers(0, 200, 200)
        parts = []
        for point in curve:
            every = point[:, images].mean(axis=1)
            deviation = every[generator.integers(0, 3, 3)].mean() - every.mean()
            parts.append(every.mean() + math.sqrt(3 / 2) * deviation)
        values.append(np.mean(parts))
    low, high = np.percentile(values, [2.5, 97.5])
    assert found.low == pytest.approx(low, abs=0.006)
    assert found.high == pytest.approx(high, abs=0.006)
    assert high - low > 0.08  # so that the tolerance says something


def test_differences_are_paired_by_images() -> None:
    generator = np.random.default_rng(0)
    one = generator.random((1, 300)) < 0.5
    other = one.copy()
    other[0, :3] = ~other[0, :3]
    paired = weighted_accuracy([one, other], [1, -1], seed=0)
    alone = weighted_accuracy([one], [1], seed=0)
    assert paired.high - paired.low < 0.3 * (alone.high - alone.low)
    same = weighted_accuracy([one, one], [1, -1], seed=0)
    assert (same.value, same.low, same.high) == (0, 0, 0)


def test_networks_that_differ_widen_the_interval() -> None:
    alike = np.tile(np.arange(400) % 2 == 0, (3, 1))
    differing = np.stack([np.arange(400) < bound for bound in (100, 200, 300)])
    narrow = weighted_accuracy([alike], [1], seed=0)
    wide = weighted_accuracy([differing], [1], seed=0)
    assert narrow.value == wide.value == 0.5
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def test_three_networks_are_enough_for_an_interval_that_covers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two methods of equal truth whose trainings come out some points apart.

    A plain bootstrap's intervals cover 87 % here.
    """
    monkeypatch.setattr(scores, "RESAMPLES", 200)
    generator, weights = np.random.default_rng(0), trapezoid_weights([0.1, 0.3, 0.5, 0.7, 0.9])
    covered, runs = 0, 150
    for run in range(runs):
        # Images are as hard for one network as for another: what is left is how good these are.
        difficulty, curves = generator.random(200), []
        for truth in (0.8, 0.7, 0.6, 0.5, 0.4) * 2:
            accuracies = truth + 0.05 * generator.standard_normal((3, 1))
            curves.append(difficulty < accuracies)
        found = weighted_accuracy(curves, [*weights, *-weights], seed=run)
        covered += found.low <= 0 <= found.high
    assert covered / runs >= 0.9


def test_a_single_image_has_no_interval() -> None:
    found = weighted_accuracy([np.array([[True]])], [1], seed=0)
    assert found.value == 1
    assert math.isnan(found.low)
