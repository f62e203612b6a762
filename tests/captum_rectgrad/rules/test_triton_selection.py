"""The Triton kernels pass exactly the units that the definition keeps, in Triton's interpreter."""

import os
from collections.abc import Iterator
from types import ModuleType
from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import Tensor

from captum_rectgrad.rules.fast_selection import check_selection
from captum_rectgrad.rules.scores import ScoreName
from captum_rectgrad.rules.threshold import ThresholdRule, nearest_rank

triton_selection = pytest.importorskip(
    "captum_rectgrad.rules.triton_selection", reason="needs Triton"
)
# tests/conftest.py asks for the interpreter where there is no GPU.
pytestmark = pytest.mark.skipif(
    os.environ.get("TRITON_INTERPRET") != "1", reason="needs Triton's interpreter"
)
VALUES = st.sampled_from([-np.inf, -2.0, -1.0, -0.0, 0.0, 1.0, 1.5, 2.0, 3.0, np.inf, np.nan])
IN_PROPERTY = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def interpreted() -> Iterator[ModuleType]:
    """The host code with small blocks, since the interpreter is slow."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"SHORT": 300, "SAMPLE": 256, "BLOCK": 256}.items():
            patch.setattr(triton_selection, name, value)
        yield triton_selection


def check(
    selection: ModuleType, a: Tensor, r: Tensor, name: ScoreName = "PR1", percentile: float = 98
) -> Tensor:
    """The masked gradient, which is what the definition keeps."""
    before = a.clone(), r.clone()
    masked, passed = selection.mask_above_percentile(name, percentile, a, r)
    kept = ThresholdRule(name, percentile).keep(a, r, is_last=False)
    torch.testing.assert_close(masked, torch.where(kept, r, 0), rtol=0, atol=0, equal_nan=True)
    assert torch.equal(passed, kept.flatten(1).sum(dim=1, dtype=torch.int32))
    assert (masked.dtype, masked.shape) == (r.dtype, r.shape)
    torch.testing.assert_close((a, r), before, rtol=0, atol=0, equal_nan=True)
    return masked


def drawn(shape: tuple[int, ...], seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    a, r = torch.randn((2, *shape), generator=generator)
    return a, r


def test_the_check_of_a_device() -> None:
    """With the sizes of blocks that a GPU has."""
    check_selection(triton_selection.mask_above_percentile, torch.device("cpu"))


@IN_PROPERTY
@given(st.data(), st.integers(1, 3), st.integers(1, 700))
def test_ties_infinities_and_nan(
    interpreted: ModuleType, data: st.DataObject, samples: int, units: int
) -> None:
    a = data.draw(arrays(np.float32, (samples, units), elements=VALUES))
    rank = data.draw(st.integers(0, units - 1))
    percentile = 100 * rank / max(units - 1, 1)
    # By sorting, NaN last, as NumPy does.
    expected = a > np.sort(a, axis=1)[:, rank, None]
    masked, passed = interpreted.mask_above_percentile(
        "PR3", percentile, torch.from_numpy(a), torch.ones(samples, units)
    )
    assert np.array_equal(masked.numpy(), expected)
    assert np.array_equal(passed.numpy(), expected.sum(axis=1))


@IN_PROPERTY
@given(st.integers(0, 10**6), st.integers(1, 4000), st.floats(0, 1), st.floats(0, 100))
def test_any_percentile_with_any_share_of_zeros(
    interpreted: ModuleType, seed: int, units: int, zeros: float, percentile: float
) -> None:
    a, r = drawn((2, units), seed)
    r[torch.rand(r.shape, generator=torch.Generator().manual_seed(seed)) < zeros] = 0
    check(interpreted, a, r, percentile=percentile)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", get_args(ScoreName))
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_every_dtype_score_and_layout(
    interpreted: ModuleType, dtype: torch.dtype, name: ScoreName, layout: torch.memory_format
) -> None:
    a, r = drawn((2, 4, 12, 12))
    a, r = (t.to(dtype).contiguous(memory_format=layout) for t in (a.relu(), r))
    masked = check(interpreted, a, r, name)
    assert masked.is_contiguous(memory_format=layout)


@pytest.mark.parametrize("shape", [(2, 3), (1, 900), (3, 2, 30, 5, 4), (2, 8, 40)])
def test_any_number_of_dimensions(interpreted: ModuleType, shape: tuple[int, ...]) -> None:
    check(interpreted, *drawn(shape), percentile=60)


def test_two_dtypes_and_two_layouts(interpreted: ModuleType) -> None:
    """As under autocast, and where a model permutes its channels."""
    a, r = drawn((2, 4, 12, 12))
    last = torch.channels_last
    check(interpreted, a.bfloat16(), r)
    check(interpreted, a.contiguous(memory_format=last), r)
    check(interpreted, a, r.contiguous(memory_format=last).bfloat16())
    check(interpreted, a, torch.ones(()).expand_as(a))  # the gradient of a sum


def test_result_is_written_where_wanted(interpreted: ModuleType) -> None:
    a, r = drawn((2, 4, 12, 12))
    out = torch.full_like(r, 7)
    masked, _ = interpreted.mask_above_percentile("PR1", 90.0, a, r, out)
    assert masked is out
    assert torch.equal(masked, check(interpreted, a, r, percentile=90))
    elsewhere = torch.full_like(r, 7, memory_format=torch.channels_last)
    masked, _ = interpreted.mask_above_percentile("PR1", 90.0, a, r, elsewhere)
    assert torch.equal(masked, out)
    assert bool((elsewhere == 7).all())


def row_of(values: Tensor) -> tuple[Tensor, Tensor]:
    """A row whose scores are the values, and one with their negatives."""
    return torch.stack([values, -values]), torch.ones(2, len(values))


@pytest.mark.parametrize("percentile", [0, 30, 50, 98, 100])
@pytest.mark.parametrize(
    "values",
    [
        pytest.param(torch.arange(3000.0), id="sorted"),
        pytest.param(torch.ones(3000), id="all equal"),
        pytest.param(torch.arange(3000.0) % 2, id="two values"),
        pytest.param(torch.cat([torch.zeros(2950), torch.arange(50.0)]), id="outside the sample"),
        pytest.param(torch.arange(3000.0) * 1e-43, id="close to zero"),
        pytest.param(torch.arange(-1500.0, 1500.0).round(decimals=-2), id="ties"),
    ],
)
def test_rows_that_a_sample_does_not_describe(
    interpreted: ModuleType, values: Tensor, percentile: float
) -> None:
    check(interpreted, *row_of(values), percentile=percentile)


def test_bounds_that_do_not_enclose_the_threshold(
    interpreted: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row with wrong bounds is ranked as a whole."""
    a, r = drawn((4, 3000))
    for bounds in ((0, 0, 3000), (255, 255, 3000), (0, 255, 10), (3, 8, 1)):
        monkeypatch.setattr(interpreted, "_bounds", lambda *_, found=bounds: found)
        check(interpreted, a, r)
        check(interpreted, a.relu(), r, percentile=40)


@pytest.mark.parametrize("percentile", [2, 50, 90, 98, 99.5])
def test_bounds_usually_enclose_the_threshold(interpreted: ModuleType, percentile: float) -> None:
    """If they did not, each row would be read many times, by one program."""
    a, r = drawn((8, 6000))
    count = r[0].numel()
    rank = count - 1 - nearest_rank(count, percentile)
    high, low, room = interpreted._bounds(count, rank, interpreted.SAMPLE)
    state = torch.empty(len(a), 8 + 2 * room, dtype=torch.int32)
    kernels = interpreted.kernels
    kernels.propose[(len(a),)](a, r, state, count, room, high, low, "PR1", interpreted.SAMPLE)
    scores = (a * r).sort(dim=1, descending=True).values
    # Bounds are float32 numbers without their lower bits; positive ones are their own keys.
    keys = scores.view(torch.int32)
    keys = torch.where(scores < 0, keys ^ 0x7FFFFFFF, keys)
    lower, upper = state[:, :1], state[:, 1:2]
    assert bool(((keys[:, rank, None] >= lower) & (keys[:, rank, None] <= upper)).all())
    assert bool((((keys >= lower) & (keys <= upper)).sum(dim=1) <= room).all())
