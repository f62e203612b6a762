"""The fast path for CPUs passes exactly the units that the definition keeps."""

from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import Tensor

from captum_rectgrad.rules.cpu_selection import mask_above_percentile, number_of_rank
from captum_rectgrad.rules.scores import ScoreName
from captum_rectgrad.rules.threshold import ThresholdRule

# Few different values, so that ties are the rule, with zeros of both signs; and the largest, the
# smallest normal and the smallest number of all.
ORDERED = [-np.inf, -1.0, -1e-45, -0.0, 0.0, 1e-45, 3e-44, 1.2e-38, 1.0, 1.5, 3.4e38, np.inf]
# Without a deadline: the first call of a path takes long on a busy machine.
ANY_TIME = settings(deadline=None)
VALUES = st.sampled_from([-np.inf, -2.0, -1.0, -0.0, 0.0, 1.0, 1.5, 2.0, 3.0, np.inf, np.nan])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@ANY_TIME
@given(data=st.data())
def test_number_of_every_rank_is_that_of_sorting(
    dtype: type[np.floating], data: st.DataObject
) -> None:
    values = st.sampled_from(ORDERED).map(dtype)
    numbers = data.draw(arrays(dtype, st.integers(1, 40), elements=values))
    before = numbers.copy()
    found = [number_of_rank(numbers, rank) for rank in range(len(numbers))]
    assert found == np.sort(numbers).tolist()
    assert np.array_equal(numbers, before)


@pytest.mark.parametrize("zeros", [0.0, 0.5, 0.97, 0.99, 1.0])
@pytest.mark.parametrize("ties", [1, 10, 10_000])
def test_number_of_a_rank_among_many(zeros: float, ties: int) -> None:
    draw = np.random.default_rng(0)
    numbers = np.round(draw.standard_normal(9_000) * 10_000 / ties).astype(np.float32)
    numbers[draw.random(len(numbers)) < zeros] = 0
    for rank in (0, 4_500, 8_819, 8_999):
        assert number_of_rank(numbers, rank) == np.sort(numbers)[rank]


@ANY_TIME
@given(st.data(), st.integers(1, 3), st.integers(1, 300))
def test_ties_infinities_and_nan(data: st.DataObject, samples: int, units: int) -> None:
    a = data.draw(arrays(np.float32, (samples, units), elements=VALUES))
    rank = data.draw(st.integers(0, units - 1))
    percentile = 100 * rank / max(units - 1, 1)
    # By sorting, NaN last, as NumPy does.
    expected = a > np.sort(a, axis=1)[:, rank, None]
    masked, passed = mask_above_percentile(
        "PR3", percentile, torch.from_numpy(a), torch.ones(samples, units)
    )
    assert np.array_equal(masked.numpy(), expected)
    assert np.array_equal(passed.numpy(), expected.any(axis=1))


def check(a: Tensor, r: Tensor, name: ScoreName = "PR1", percentile: float = 98) -> Tensor:
    """The masked gradient, which is what the definition keeps."""
    masked, passed = mask_above_percentile(name, percentile, a, r)
    kept = ThresholdRule(name, percentile).keep(a, r, is_last=False)
    assert torch.equal(masked, torch.where(kept, r, 0))
    assert torch.equal(passed, kept.flatten(1).any(dim=1))
    assert (masked.dtype, masked.shape) == (r.dtype, r.shape)
    return masked


@given(st.integers(0, 10**6), st.floats(0, 1), st.floats(0, 100))
@settings(max_examples=50, deadline=None)
def test_any_percentile_with_any_share_of_zeros(seed: int, zeros: float, percentile: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    a, r = torch.randn((2, 3, 5000), generator=generator)
    r[torch.rand(r.shape, generator=generator) < zeros] = 0
    check(a, r, percentile=percentile)


def tensors(dtype: torch.dtype, shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    generator = torch.manual_seed(0)
    a = torch.randn(shape, generator=generator).relu()
    r = torch.randn(shape, generator=generator)
    return a.to(dtype), r.to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", get_args(ScoreName))
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_every_dtype_score_and_layout(
    dtype: torch.dtype, name: ScoreName, layout: torch.memory_format
) -> None:
    a, r = (t.contiguous(memory_format=layout) for t in tensors(dtype, (3, 16, 20, 20)))
    before = a.clone(), r.clone()
    masked = check(a, r, name)
    assert masked.is_contiguous(memory_format=layout)
    assert torch.equal(a, before[0])
    assert torch.equal(r, before[1])


def test_activation_and_gradient_of_two_dtypes() -> None:
    """As under autocast, where some activations are of half precision."""
    a, r = tensors(torch.float32, (2, 6000))
    check(a.bfloat16(), r)
    check(a, r.bfloat16())


def test_activation_and_gradient_of_two_layouts() -> None:
    a, r = tensors(torch.float32, (2, 8, 24, 24))
    last = torch.channels_last
    check(a.contiguous(memory_format=last), r)
    check(a, r.contiguous(memory_format=last))


def test_gradient_that_shares_memory() -> None:
    """Such as a sum's, which is one number for all."""
    a, _ = tensors(torch.float32, (2, 8, 24, 24))
    check(a, torch.ones(()).expand_as(a))


def test_scores_that_overflow_do_so_without_a_warning() -> None:
    a, r = tensors(torch.float32, (1, 5000))
    a[0, :4] = torch.tensor([torch.inf, torch.inf, 3e38, 3e38])
    r[0, :4] = torch.tensor([1, 0, 1e9, -1e9])  # scores inf, NaN, inf, -inf
    assert check(a, r)[0, :4].tolist() == [1, 0, 1e9, 0]


def test_nothing_passes_where_all_scores_tie() -> None:
    assert not check(torch.ones(2, 5000), torch.ones(2, 5000)).any()


def test_negative_bit_is_resolved() -> None:
    """PyTorch only notes the sign behind a complex conjugate."""
    a, r = tensors(torch.float32, (2, 6000))
    found, _ = mask_above_percentile("PR1", 98, a, torch._neg_view(r))
    assert torch.equal(found, check(a, -r))
