"""What the padding trick zeroes."""

import pytest
import torch

from captum_rectgrad.rules.padding import zero_border


def test_border_by_hand() -> None:
    gradient = torch.arange(12.0).reshape(1, 1, 3, 4)
    assert zero_border(gradient, (-2, -1)).tolist() == [[[[0] * 4, [0, 5, 6, 0], [0] * 4]]]
    assert zero_border(gradient, (-1,)).tolist() == [[[[0, 1, 2, 0], [0, 5, 6, 0], [0, 9, 10, 0]]]]
    assert gradient.tolist() == torch.arange(12.0).reshape(1, 1, 3, 4).tolist()


def test_dimension_that_would_be_all_border_is_left_alone() -> None:
    gradient = torch.ones(1, 1, 2, 3)
    assert zero_border(gradient, (-2, -1)).tolist() == [[[[0, 1, 0], [0, 1, 0]]]]
    assert zero_border(gradient, (-2,)) is gradient


def test_nan_and_infinity_at_the_border_become_zero() -> None:
    gradient = torch.full((1, 1, 3, 3), torch.nan)
    gradient[0, 0, 0] = torch.inf
    gradient[0, 0, 1, 1] = -0.0
    found = zero_border(gradient, (-2, -1))
    assert found.abs().sum() == 0
    assert found.signbit().nonzero().tolist() == [[0, 0, 1, 1]]  # the inside keeps its sign


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.complex64])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_other_dtypes_and_layouts(dtype: torch.dtype, layout: torch.memory_format) -> None:
    gradient = torch.randn(2, 3, 4, 5).to(dtype).contiguous(memory_format=layout)
    expected = gradient.clone()
    expected[:, :, [0, -1]] = 0
    assert torch.equal(zero_border(gradient, (-2,)), expected)
    expected[:, :, :, [0, -1]] = 0
    assert torch.equal(zero_border(gradient, (-2, -1)), expected)


def test_negative_bit_is_resolved() -> None:
    gradient = torch.arange(1.0, 13).reshape(1, 1, 3, 4)
    noted = torch._neg_view(gradient)
    assert noted.is_neg()
    assert torch.equal(zero_border(noted, (-2, -1)), -zero_border(gradient, (-2, -1)))
