"""What passes on a CPU are the very units that the definition keeps."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import Tensor

from captum_rectgrad.order_statistic import Floats
from captum_rectgrad.rules import RULES, Rule, Selection, leave_alone
from captum_rectgrad.selection_on_cpu import Product, is_worthwhile, pass_above_rank
from captum_rectgrad.rules.threshold import nearest_rank


def product(activation: Floats, gradient: Floats, multiply: Product) -> Floats:
    return multiply(activation, gradient)


def passing_above(rank: int, a: Tensor, r: Tensor) -> tuple[Tensor, Tensor]:
    return pass_above_rank(product, rank, a, r, len(a), torch.empty_like, leave_alone)


# Few different values, so that ties are the rule; and those that are easily got wrong.
VALUES = st.sampled_from([-np.inf, -2.0, -1.0, -0.0, 0.0, 1.0, 1.5, 2.0, 3.0, np.inf, np.nan])


@given(st.data(), st.integers(1, 3), st.integers(1, 300))
def test_ties_infinities_and_nan(data: st.DataObject, samples: int, units: int) -> None:
    a = data.draw(arrays(np.float32, (samples, units), elements=VALUES))
    rank = data.draw(st.integers(0, units - 1))
    ones = np.ones_like(a)
    # By sorting, NaN last, as NumPy does.
    expected = a > np.sort(a, axis=1)[:, rank, None]
    passing, passed = passing_above(rank, torch.from_numpy(a), torch.from_numpy(ones))
    assert np.array_equal(passing.numpy(), expected)
    assert np.array_equal(passed.numpy(), expected.any(axis=1))


@given(st.integers(0, 10**6), st.floats(0, 1), st.floats(0, 100))
@settings(max_examples=50)
def test_it_is_what_the_definition_keeps(seed: int, zeros: float, percentile: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    a, r = torch.randn((2, 3, 5000), generator=generator)
    r[torch.rand(r.shape, generator=generator) < zeros] = 0
    selection = Selection("PR1", percentile=percentile)
    passing, passed = selection.passed_on(a, r, samples=3, last_hidden=False)
    kept = selection.kept(a, r, samples=3, last_hidden=False)
    assert torch.equal(passing, torch.where(kept, r, 0))
    assert torch.equal(passed, kept.any(dim=1))


def tensors(dtype: torch.dtype, shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    generator = torch.manual_seed(0)
    a = torch.randn(shape, generator=generator).relu()
    r = torch.randn(shape, generator=generator)
    return a.to(dtype), r.to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("rule", [rule for rule in RULES if rule != "Mod"])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_a_batch_is_as_by_the_definition(
    dtype: torch.dtype, rule: Rule, layout: torch.memory_format
) -> None:
    a, r = (t.contiguous(memory_format=layout) for t in tensors(dtype, (3, 16, 20, 20)))
    selection = Selection(rule, percentile=98)
    passing, passed = selection.passed_on(a, r, samples=3, last_hidden=False)
    kept = selection.kept(a, r, samples=3, last_hidden=False)
    assert is_worthwhile(16 * 20 * 20)  # so that it is the fast path that is tested
    assert torch.equal(passing, torch.where(kept.view_as(r), r, 0))
    assert passing.dtype == dtype
    assert passing.is_contiguous(memory_format=layout)
    assert torch.equal(passed, kept.any(dim=1))


def test_activations_and_gradients_of_two_dtypes() -> None:
    """As under autocast, where some activations are of half precision."""
    a, r = tensors(torch.float32, (2, 6000))
    for pair in ((a.bfloat16(), r), (a, r.bfloat16())):
        selection = Selection("PR1", percentile=98)
        passing, _ = selection.passed_on(*pair, samples=2, last_hidden=False)
        kept = selection.kept(*pair, samples=2, last_hidden=False)
        assert torch.equal(passing, torch.where(kept, pair[1], 0))
        assert passing.dtype == pair[1].dtype


def test_activations_and_gradients_of_two_layouts() -> None:
    a, r = tensors(torch.float32, (2, 8, 24, 24))
    expected, _ = passing_above(4500, a, r)
    last = torch.channels_last
    for pair in ((a.contiguous(memory_format=last), r), (a, r.contiguous(memory_format=last))):
        assert torch.equal(passing_above(4500, *pair)[0], expected)


def test_gradients_that_share_memory() -> None:
    """Such as a sum's, which is one number for all."""
    a, _ = tensors(torch.float32, (2, 8, 24, 24))
    one = torch.ones(()).expand_as(a)
    assert torch.equal(passing_above(4500, a, one)[0], passing_above(4500, a, one.clone())[0])


def test_numbers_that_overflow_do_so_silently() -> None:
    a, r = tensors(torch.float32, (1, 5000))
    a[0, :4] = torch.tensor([torch.inf, torch.inf, 3e38, 3e38])
    r[0, :4] = torch.tensor([1, 0, 1e9, -1e9])  # inf, NaN, inf, -inf
    passing, _ = passing_above(nearest_rank(5000, 98), a, r)
    kept = Selection("PR1", percentile=98).kept(a, r, samples=1, last_hidden=True)
    assert kept[0, :4].tolist() == [True, False, True, False]
    assert torch.equal(passing, torch.where(kept, r, 0))


def test_nothing_passes_where_all_scores_tie() -> None:
    a = torch.ones(2, 5000)
    passing, passed = passing_above(4900, a, a)
    assert not passing.any()
    assert not passed.any()


def test_a_sample_does_not_depend_on_the_others() -> None:
    a, r = tensors(torch.float32, (4, 6000))
    together, _ = passing_above(5880, a, r)
    alone = [passing_above(5880, a[i : i + 1], r[i : i + 1])[0] for i in range(4)]
    assert torch.equal(together, torch.cat(alone))


def test_a_sign_that_is_only_noted() -> None:
    """As behind a complex conjugate."""
    a, r = tensors(torch.float32, (2, 6000))
    found, _ = passing_above(5880, a, torch._neg_view(r))
    assert torch.equal(found, passing_above(5880, a, -r)[0])


@pytest.mark.parametrize("rule", RULES)
def test_nothing_that_is_given_changes(rule: Rule) -> None:
    a, r = tensors(torch.float32, (2, 6000))
    a[0, 5] = torch.nan
    before = a.clone(), r.clone()
    Selection(rule, percentile=98).passed_on(a, r, samples=2, last_hidden=False)
    assert torch.equal(torch.nan_to_num(a, -7), torch.nan_to_num(before[0], -7))
    assert torch.equal(r, before[1])
