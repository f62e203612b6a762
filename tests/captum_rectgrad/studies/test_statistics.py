import math

import numpy as np
import pytest

from captum_rectgrad.studies.statistics import difference, independent_difference, mean

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
    assert (found.value, found.low, found.high, found.count) == (1.0, 1.0, 1.0, 2)


def test_too_few_have_no_interval() -> None:
    alone, none = mean([3.0]), mean([math.nan])
    assert (alone.value, alone.count, none.count) == (3.0, 1, 0)
    assert all(math.isnan(number) for number in (alone.low, alone.high, none.value))


def test_pairs_must_be_pairs() -> None:
    with pytest.raises(ValueError, match="must be as many"):
        difference([1.0, 2.0], [1.0])
