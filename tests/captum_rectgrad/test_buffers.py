"""Memory is used again when nobody has it any more, and not before."""

import pytest
import torch

from captum_rectgrad.buffers import WORTH_KEEPING, Buffers

LARGE = torch.zeros(WORTH_KEEPING // 4)


def test_memory_is_used_again_once_the_tensor_is_gone() -> None:
    buffers = Buffers()
    first = buffers.empty_like(LARGE)
    place = first.data_ptr()
    del first
    assert buffers.empty_like(LARGE).data_ptr() == place


def test_memory_in_use_is_left_alone_whoever_has_it() -> None:
    buffers = Buffers()
    first = buffers.empty_like(LARGE)
    holders = [first.view(-1, 4)[3:], first.detach(), first.numpy()[5:], first.view(torch.int32)]
    place = first.data_ptr()
    del first
    while holders:
        assert buffers.empty_like(LARGE).data_ptr() != place
        holders.pop()
    assert buffers.empty_like(LARGE).data_ptr() == place


def test_what_is_too_small_is_given_up() -> None:
    buffers = Buffers()
    small = buffers.empty_like(LARGE)
    del small
    large = buffers.empty_like(torch.zeros(WORTH_KEEPING))
    assert large.shape == (WORTH_KEEPING,)
    del large
    assert buffers.empty_like(LARGE).shape == LARGE.shape
    assert len(buffers._blocks) == 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("size", [4, 400])  # kept or not
def test_it_is_like_the_other(dtype: torch.dtype, layout: torch.memory_format, size: int) -> None:
    other = torch.zeros(2, 3, size, size, dtype=dtype).contiguous(memory_format=layout)
    found = Buffers().empty_like(other)
    assert (found.shape, found.stride(), found.dtype) == (other.shape, other.stride(), dtype)


def test_of_what_has_gaps_it_is_dense() -> None:
    spread = torch.zeros(2048, 1024)[:, ::2]
    assert Buffers().empty_like(spread).is_contiguous()
