"""The number of a rank is the one that sorting puts there."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from captum_rectgrad.order_statistic import Floats, ascending, number_of_rank


def found(numbers: Floats, rank: int) -> float:
    lowest = ascending(len(numbers), numbers.dtype)
    return number_of_rank(numbers, rank, lowest, np.empty_like(lowest))


# Ties and zeros of both signs; the largest, the smallest normal and the smallest number of all.
VALUES = [-np.inf, -1.0, -1e-45, -0.0, 0.0, 1e-45, 3e-44, 1.2e-38, 1.0, 1.5, 3.4e38, np.inf]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(data=st.data())
def test_every_rank(dtype: type[np.floating], data: st.DataObject) -> None:
    values = st.sampled_from(VALUES).map(dtype)
    numbers = data.draw(arrays(dtype, st.integers(1, 40), elements=values))
    before = numbers.copy()
    assert [found(numbers, rank) for rank in range(len(numbers))] == np.sort(numbers).tolist()
    assert np.array_equal(numbers, before)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("zeros", [0.0, 0.5, 0.97, 0.99, 1.0])
@pytest.mark.parametrize("ties", [1, 10, 10_000])
def test_many_numbers(dtype: type[np.floating], zeros: float, ties: int) -> None:
    draw = np.random.default_rng(0)
    numbers = np.round(draw.standard_normal(9_000) * 10_000 / ties).astype(dtype)
    numbers[draw.random(len(numbers)) < zeros] = 0
    for rank in (0, 4_500, 8_819, 8_999):
        assert found(numbers, rank) == np.sort(numbers)[rank]


def test_tiny_numbers_are_not_taken_for_those_put_in() -> None:
    """As whole numbers, the smallest floats are those from 1 to the count of numbers."""
    numbers = np.arange(1, 101, dtype=np.int32).view(np.float32)
    assert [found(numbers, rank) for rank in range(100)] == numbers.tolist()
