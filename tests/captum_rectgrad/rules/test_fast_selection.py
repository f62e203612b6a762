"""Which fast path serves an activation, and what happens where there is none."""

import logging

import pytest
import torch
from torch import Tensor

from captum_rectgrad.rules import cpu_selection
from captum_rectgrad.rules.fast_selection import (
    _triton_selection,
    check_selection,
    fast_selection,
)
from captum_rectgrad.rules.scores import ScoreName
from captum_rectgrad.rules.threshold import ThresholdRule


def test_large_activations_on_the_cpu() -> None:
    large = torch.ones(2, cpu_selection.MIN_NUMBERS)
    assert fast_selection(large, large) is cpu_selection.mask_above_percentile
    assert fast_selection(large[:, :100], large[:, :100]) is None


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_device_on_which_triton_does_not_run_is_named_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    _triton_selection.cache_clear()
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert _triton_selection(torch.device("cuda")) is None
    (record,) = caplog.records
    assert "Triton is not usable on cuda" in record.getMessage()
    assert "torch.topk" in record.getMessage()
    _triton_selection.cache_clear()


@pytest.mark.parametrize("units", [1000, 20_000])
def test_a_selection_that_loses_a_unit_is_not_used(units: int) -> None:
    """Of the short or of the long rows."""

    def right(
        name: ScoreName, percentile: float, a: Tensor, r: Tensor, _: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        kept = ThresholdRule(name, percentile).keep(a, r, is_last=False)
        return torch.where(kept, r, 0), kept.sum(dim=1)

    def wrong(
        name: ScoreName, percentile: float, a: Tensor, r: Tensor, _: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        masked, passed = right(name, percentile, a, r, None)
        if a.shape[1] == units:
            masked.view(-1)[masked.view(-1).nonzero()[-1]] = 0
        return masked, passed

    check_selection(right, torch.device("cpu"))
    with pytest.raises(RuntimeError, match="other units than sorting"):
        check_selection(wrong, torch.device("cpu"))
