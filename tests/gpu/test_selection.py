"""The Triton kernels on a GPU pass exactly the units that sorting passes."""

from typing import get_args

import pytest
import torch
from torch import Tensor

from captum_rectgrad.rules.fast_selection import fast_selection
from captum_rectgrad.rules.scores import ScoreName
from captum_rectgrad.rules.threshold import ThresholdRule

pytestmark = pytest.mark.gpu


def drawn(rows: int, units: int, device: torch.device, zeros: float) -> tuple[Tensor, Tensor]:
    generator = torch.Generator(device).manual_seed(units)
    a, r = torch.randn((2, rows, units), device=device, generator=generator)
    a[torch.rand(a.shape, device=device, generator=generator) < zeros] = 0
    a[0, : min(3, units)] = torch.nan
    r[-1, -1] = torch.inf
    return a, r


def kept(a: Tensor, r: Tensor, name: ScoreName, percentile: float) -> Tensor:
    scores = ThresholdRule(name, percentile)
    return torch.where(scores.keep(a, r, is_last=False), r, 0)


@pytest.mark.parametrize("units", [1, 100, 8192, 8193, 100_352, 3_211_264])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_units_of_sorting(units: int, dtype: torch.dtype, cuda: torch.device) -> None:
    for zeros in (0.0, 0.6, 0.99):
        a, r = (tensor.to(dtype) for tensor in drawn(8, units, cuda, zeros))
        select = fast_selection(a, r)
        assert select is not None
        for name in get_args(ScoreName):
            for percentile in (5.0, 50.0, 98.0):
                found, _ = select(name, percentile, a, r, None)
                again, _ = select(name, percentile, a, r, None)
                expected = kept(a, r, name, percentile)
                assert torch.equal(found.nan_to_num(7), expected.nan_to_num(7))
                assert torch.equal(found.nan_to_num(7), again.nan_to_num(7))


def test_layouts(cuda: torch.device) -> None:
    a, r = drawn(4, 16 * 32 * 32, cuda, 0.5)
    a, r = (tensor.view(4, 16, 32, 32) for tensor in (a, r))
    select = fast_selection(a, r)
    assert select is not None
    expected = kept(a.flatten(1), r.flatten(1), "PR1", 98).view(a.shape).nan_to_num(7)
    last = a.contiguous(memory_format=torch.channels_last)
    for one in (a, last):
        for other in (r, r.contiguous(memory_format=torch.channels_last)):
            assert torch.equal(select("PR1", 98.0, one, other, None)[0].nan_to_num(7), expected)
