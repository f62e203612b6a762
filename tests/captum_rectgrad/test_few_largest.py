"""The few largest are the very units that sorting gives, whatever the guess was worth."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import Tensor

from captum_rectgrad import few_largest
from captum_rectgrad.few_largest import BLOCK, Floats, Indices, is_worthwhile, pass_few_largest
from captum_rectgrad.rules import RULES, Rule, Selection
from captum_rectgrad.threshold import nearest_rank


def product(activation: Floats, gradient: Floats) -> Floats:
    return activation * gradient


def by_sorting(scores: Floats, count: int) -> Indices:
    return np.flatnonzero(scores > np.sort(scores)[len(scores) - count])


# Few different values, so that ties are the rule; and those that are easily got wrong.
VALUES = st.sampled_from([-np.inf, -2.0, -1.0, -0.0, 0.0, 1.0, 1.5, 2.0, 3.0, np.inf, np.nan])


@given(st.data(), st.integers(1, 300))
def test_ties_infinities_and_nan(data: st.DataObject, units: int) -> None:
    scores = data.draw(arrays(np.float32, units, elements=VALUES))
    count = data.draw(st.integers(1, units))
    ones = np.ones_like(scores)
    found = few_largest.few_largest(product, count, scores, ones)
    assert np.array_equal(found, by_sorting(scores, count))


@given(st.integers(0, 10**6), st.floats(0, 1), st.integers(1, 500))
@settings(max_examples=50)
def test_scores_of_several_blocks(seed: int, zeros: float, count: int) -> None:
    draw = np.random.default_rng(seed)
    a, r = draw.standard_normal((2, BLOCK + 5000)).astype(np.float32)
    r[draw.random(len(r)) < zeros] = 0
    found = few_largest.few_largest(product, count, a, r)
    assert np.array_equal(found, by_sorting(a * r, count))


@pytest.mark.parametrize("period", [2, 3, 5, 32, 33, 128])
def test_a_guess_that_misleads(period: int) -> None:
    # The large ones are at regular places, which the guess may see all of, or none.
    scores = np.random.default_rng(0).random(20_000, dtype=np.float32)
    scores[::period] += 10
    for large in (scores, -scores):
        for count in (1, 90, 400, 900):
            found = few_largest.few_largest(product, count, large, np.ones_like(large))
            assert np.array_equal(found, by_sorting(large, count))


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
    assert is_worthwhile(16 * 20 * 20, 128)  # so that it is the fast path that is tested
    assert torch.equal(passing, torch.where(kept.view_as(r), r, 0))
    assert passing.dtype == dtype
    assert passing.is_contiguous(memory_format=layout)
    assert torch.equal(passed, kept.any(dim=1))


def test_activations_and_gradients_of_two_layouts() -> None:
    a, r = tensors(torch.float32, (2, 8, 24, 24))
    expected, _ = pass_few_largest(product, 50, a, r, 2)
    last = torch.channels_last
    for pair in ((a.contiguous(memory_format=last), r), (a, r.contiguous(memory_format=last))):
        assert torch.equal(pass_few_largest(product, 50, *pair, 2)[0], expected)


def test_numbers_that_overflow_do_so_silently() -> None:
    a, r = tensors(torch.float32, (1, 5000))
    a[0, :4] = torch.tensor([torch.inf, torch.inf, 3e38, 3e38])
    r[0, :4] = torch.tensor([1, 0, 1e9, -1e9])  # inf, NaN, inf, -inf
    passing, _ = pass_few_largest(product, 5000 - nearest_rank(5000, 98), a, r, 1)
    kept = Selection("PR1", percentile=98).kept(a, r, samples=1, last_hidden=True)
    assert kept[0, :4].tolist() == [True, False, True, False]
    assert torch.equal(passing, torch.where(kept, r, 0))


def test_nothing_passes_where_all_scores_tie() -> None:
    a = torch.ones(2, 5000)
    passing, passed = pass_few_largest(product, 100, a, a, 2)
    assert not passing.any()
    assert not passed.any()


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_change_nothing(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    a, r = tensors(torch.float32, (7, 90_000))
    assert a.numel() > few_largest.WORTH_THREADS
    expected, _ = pass_few_largest(product, 1800, a, r, 7)
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    passing, passed = pass_few_largest(product, 1800, a, r, 7)
    assert torch.equal(passing, expected)
    assert passed.all()


def test_a_sample_does_not_depend_on_the_others() -> None:
    a, r = tensors(torch.float32, (4, 6000))
    together, _ = pass_few_largest(product, 120, a, r, 4)
    alone = [pass_few_largest(product, 120, a[i : i + 1], r[i : i + 1], 1)[0] for i in range(4)]
    assert torch.equal(together, torch.cat(alone))


def test_worthwhile() -> None:
    assert is_worthwhile(4096, 82)
    assert not is_worthwhile(4095, 82)  # too small
    assert not is_worthwhile(4096, 513)  # not few
