"""Which fast path serves an activation, and what happens where there is none."""

import logging

import pytest
import torch

from captum_rectgrad.rules import cpu_selection
from captum_rectgrad.rules.fast_selection import _triton_selection, fast_selection


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
