import math

import numpy as np
import pytest
from numpy.typing import NDArray

from captum_rectgrad.evaluation.intervals import (
    ENOUGH,
    crossed_mean,
    difference,
    independent_difference,
    mean,
    proportion,
    proportion_difference,
    resampled,
    share,
)
from captum_rectgrad.studies.framework.result import judged_above, judged_within

GENERATOR = np.random.default_rng(0)
SAMPLE = GENERATOR.exponential(2.0, 400)


def test_the_interval_is_the_one_of_the_central_limit() -> None:
    found = mean(SAMPLE)
    error = 1.96 * SAMPLE.std(ddof=1) / math.sqrt(len(SAMPLE))
    assert found.value == SAMPLE.mean()
    assert found.count == len(SAMPLE)
    assert found.high - found.low == pytest.approx(2 * error, rel=0.1)
    assert found.low < found.value < found.high


def test_it_follows_from_the_seed() -> None:
    assert mean(SAMPLE, seed=1) == mean(SAMPLE, seed=1)
    assert mean(SAMPLE, seed=1) != mean(SAMPLE, seed=2)


def test_pairs_are_compared_pair_by_pair() -> None:
    shifted = SAMPLE + 0.1 + GENERATOR.normal(0, 0.01, len(SAMPLE))
    paired, apart = difference(shifted, SAMPLE), independent_difference(shifted, SAMPLE)
    assert paired.value == pytest.approx(apart.value)
    assert 0.09 < paired.low < paired.high < 0.11
    assert apart.low < 0 < apart.high


def test_what_is_not_defined_is_left_out_of_its_pair() -> None:
    first, second = np.array([1.0, math.nan, 3.0, 5.0]), np.array([0.0, 0.0, math.inf, 4.0])
    found = difference(first, second)
    assert (found.value, found.count) == (1.0, 2)


@pytest.mark.parametrize("count", [1, 2, 9])
def test_too_few_have_no_interval_and_decide_nothing(count: int) -> None:
    few = [3.0] * count
    for found in (mean(few), difference(few, [0.0] * count), independent_difference(few, SAMPLE)):
        assert found.count == count
        assert math.isnan(found.low)
        assert math.isnan(found.high)
        assert judged_above(found, 0) == "undecided"
    assert not math.isnan(mean(SAMPLE[:10]).low)


def test_estimates_of_no_value_are_nan() -> None:
    for found in (mean([math.nan]), proportion([math.nan]), proportion_difference([], [])):
        assert found.count == 0
        assert all(math.isnan(number) for number in (found.value, found.low, found.high))


def test_an_interval_of_a_proportion_always_has_a_width() -> None:
    # All of 20: the lower end is where 20 of 20 still happen in 1 of 40 cases.
    all_of_20 = proportion(np.ones(20))
    assert (all_of_20.value, all_of_20.high, all_of_20.count) == (1.0, 1.0, 20)
    assert all_of_20.low == pytest.approx(0.025 ** (1 / 20))
    assert judged_above(all_of_20, 0.95) == "undecided"
    assert judged_above(proportion(np.ones(100)), 0.95) == "holds"
    some = proportion([1.0, 0.0, math.nan, 1.0, 0.0])
    assert (some.value, some.count) == (0.5, 4)
    assert 0 < some.low < 0.1
    assert 0.9 < some.high < 1
    with pytest.raises(ValueError, match="values 0 and 1"):
        proportion([0.5])


def test_shares_that_are_all_or_nothing_are_proportions() -> None:
    assert share(np.ones(20)) == proportion(np.ones(20))
    assert share(np.linspace(0, 1, 20)) == mean(np.linspace(0, 1, 20))


def test_equal_proportions_have_an_interval_with_a_width() -> None:
    same = proportion_difference(np.ones(100), np.ones(100))
    # 0 of 100 pairs differ either way; each bound holds with 97.5 %, both with 95 %.
    bound = 1 - 0.0125 ** (1 / 100)
    assert same.value == 0
    assert (same.low, same.high) == pytest.approx((-bound, bound))
    assert judged_within(same, 0.01) == "undecided"
    few = np.ones(100)
    few[:3] = 0
    found = proportion_difference(np.ones(100), few)
    assert found.value == pytest.approx(0.03)
    assert -bound < found.low < 0
    assert 0.08 < found.high < 0.11
    many = GENERATOR.permutation(np.arange(100) % 2)
    assert proportion_difference(np.ones(100), many) == difference(np.ones(100), many)


def test_what_is_no_mean_is_resampled_too() -> None:
    sample = SAMPLE[:200]

    def weighted(times: NDArray[np.float64]) -> NDArray[np.float64]:
        result: NDArray[np.float64] = times @ sample / times.sum(axis=1)
        return result

    found, expected = resampled(200, weighted), mean(sample)
    assert found.value == pytest.approx(expected.value)
    assert found.low == pytest.approx(expected.low, rel=0.02)
    assert found.high == pytest.approx(expected.high, rel=0.02)
    assert math.isnan(resampled(9, lambda times: times.sum(axis=1)).low)


def test_pairs_must_be_pairs() -> None:
    with pytest.raises(ValueError, match="must have the same shape"):
        difference([1.0, 2.0], [1.0])


def crossed(by_network: float, by_image: float, by_both: float, shape: tuple[int, int]) -> float:
    """How often the interval holds the true mean, 0."""
    held = []
    for seed in range(400):
        draw = np.random.default_rng(seed).standard_normal
        values = by_network * draw((shape[0], 1)) + by_image * draw(shape[1])
        found = crossed_mean(values + by_both * draw(shape))
        held.append(found.low < 0 < found.high)
    return float(np.mean(held))


@pytest.mark.parametrize(
    "deviations", [(1, 0, 0.1), (0.1, 1, 1), (0.3, 1, 1), (0.1, 1, 0), (0, 1, 1)]
)
def test_few_networks_and_many_images_are_held_in_95_of_100_cases(
    deviations: tuple[float, float, float],
) -> None:
    assert crossed(*deviations, shape=(3, 50)) > 0.92  # 0.95 less 2.75 standard errors


def test_of_networks_alone_the_interval_is_students() -> None:
    values = np.array([0.3, 0.4, 0.8])[:, None] + np.zeros(20)
    found = crossed_mean(values)
    half = 4.303 * np.std([0.3, 0.4, 0.8], ddof=1) / math.sqrt(3)  # two degrees of freedom
    assert found.value == pytest.approx(0.5)
    assert found.high - found.value == pytest.approx(half, rel=1e-3)
    assert found.count == 20


def test_one_network_has_the_interval_of_its_images_and_few_images_none() -> None:
    assert crossed_mean(SAMPLE[None], seed=3) == mean(SAMPLE, seed=3)
    assert math.isnan(crossed_mean(np.arange(27.0).reshape(3, 9)).low)
    same = crossed_mean(np.ones((3, 12)))
    assert (same.low, same.high) == (1, 1)


def test_an_image_that_one_network_has_no_value_for_is_left_out() -> None:
    values = np.arange(36.0).reshape(3, 12)
    values[1, 4] = math.nan
    assert crossed_mean(values) == crossed_mean(np.delete(values, 4, axis=1))
    with pytest.raises(ValueError, match=r"expected .* \(R, N\).*; got \(3,\)"):
        crossed_mean([1.0, 2.0, 3.0])


def test_values_by_network_are_crossed_in_every_mean() -> None:
    draw = np.random.default_rng(0).standard_normal
    first, second = draw((3, 40)), draw((3, 40))
    assert mean(first) == crossed_mean(first)
    assert difference(first, second, level=0.99) == crossed_mean(first - second, level=0.99)
    wide, narrow = crossed_mean(first, level=0.99), crossed_mean(first)
    assert wide.high - wide.low > narrow.high - narrow.low
    yes = (first > 0).astype(float)
    # A proportion's interval contains the crossed one and the exact one, at every confidence.
    for level in (0.95, 0.99):
        crossed, found = crossed_mean(yes, level=level), proportion(yes, level)
        exact = proportion(np.arange(40) < round(40 * yes.mean()), level)
        assert found.low == min(crossed.low, exact.low)
        assert found.high == max(crossed.high, exact.high)
    assert proportion(yes) == share(yes)
    apart = np.repeat([[1.0], [0.0], [0.0]], 40, axis=1)  # the networks disagree about all images
    assert (proportion(apart).low, proportion(apart).high) == (0, 1)
    assert share(np.abs(first)) == crossed_mean(np.abs(first))
    assert proportion_difference(yes, 1 - yes) == crossed_mean(2 * yes - 1)
    # Networks that agree on every image are no more evidence than one.
    assert proportion(np.ones((3, 20))) == proportion(np.ones(20))
    assert proportion(yes[:1]) == proportion(yes[0])
    # With few zeros Student's interval would reach beyond 1.
    rare = np.ones((3, 40))
    rare[0, 7] = 0
    found = proportion(rare)
    assert found.value == pytest.approx(119 / 120)
    assert (found.low, found.high) == pytest.approx((0.9119, 1), abs=1e-4)
    one = np.ones(40)
    one[7] = 0
    difference_of_few = proportion_difference(rare, np.ones((3, 40)))
    assert difference_of_few.low == proportion_difference(one, np.ones(40)).low
    assert proportion_difference(np.ones((3, 40)), np.ones((3, 40))).low < 0
    with pytest.raises(ValueError, match="must have the same shape"):
        difference(first, second[:2])


def test_a_statistic_without_a_value_for_some_draws_has_no_interval_and_no_warning() -> None:
    def ratio(times: NDArray[np.float64]) -> NDArray[np.float64]:
        result: NDArray[np.float64] = np.where(times[:, 0] > 0, times[:, 0], np.nan)
        return result

    found = resampled(ENOUGH, ratio)  # pytest turns SciPy's warning into an error
    assert found.value == 1
    assert np.isnan([found.low, found.high]).all()
