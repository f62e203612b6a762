"""PRR on tensors; its windows in models are in `_engine/test_pooling_nodes.py`."""

import pytest
import torch

from captum_rectgrad.rules.max_pooling import Windows, redistribute

TWO_BY_TWO = Windows((2, 2), (2, 2), (0, 0), (1, 1), ceil_mode=False)


def test_shares_are_proportional_to_activations() -> None:
    x = torch.tensor([[[[3.0, 1.0, -1.0, 2.0]]]], dtype=torch.float64)
    pairs = Windows((1, 2), (1, 2), (0, 0), (1, 1), ceil_mode=False)
    shared = redistribute(x, torch.tensor([[[[4.0, 8.0]]]], dtype=torch.float64), 2, pairs)
    expected = torch.tensor([[[[3.0, 1.0, 0.0, 8.0]]]], dtype=torch.float64)
    torch.testing.assert_close(shared, expected, rtol=1e-9, atol=0)


def test_padding_has_no_share_in_the_mean() -> None:
    x = torch.tensor([[[[3.0, 1.0, 2.0, -torch.inf]]]], dtype=torch.float64)
    pairs = Windows((1, 2), (1, 2), (0, 0), (1, 1), ceil_mode=False)
    gradient = torch.tensor([[[[4.0, 8.0]]]], dtype=torch.float64)
    shared = redistribute(x, gradient, 2, pairs, is_padded=True)
    expected = torch.tensor([[[[3.0, 1.0, 8.0, 0.0]]]], dtype=torch.float64)
    torch.testing.assert_close(shared, expected, rtol=1e-9, atol=0)


def test_shares_sum_to_the_gradient_where_windows_do_not_overlap() -> None:
    x = torch.rand(1, 1, 4, 4, dtype=torch.float64) + 0.1
    gradient = torch.ones(1, 1, 2, 2, dtype=torch.float64)
    assert redistribute(x, gradient, 2, TWO_BY_TWO).sum().item() == pytest.approx(4)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_empty_window_in_half_precision_is_zero_not_nan(dtype: torch.dtype) -> None:
    x, gradient = torch.zeros(1, 1, 2, 2, dtype=dtype), torch.ones(1, 1, 1, 1, dtype=dtype)
    shared = redistribute(x, gradient, 2, TWO_BY_TWO)
    assert shared.dtype == dtype
    assert shared.count_nonzero() == 0
    assert torch.isfinite(shared).all()
