"""Memory is used again when nobody has it any more, and not before."""

import pytest
import torch
from torch import Tensor, nn

from captum_rectgrad import RectGrad
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
@pytest.mark.parametrize("size", [4, 1200])  # kept or not
def test_it_is_like_the_other(dtype: torch.dtype, layout: torch.memory_format, size: int) -> None:
    other = torch.zeros(2, 3, size, size, dtype=dtype).contiguous(memory_format=layout)
    found = Buffers().empty_like(other)
    assert (found.shape, found.stride(), found.dtype) == (other.shape, other.stride(), dtype)


def test_of_what_has_gaps_it_is_dense() -> None:
    spread = torch.zeros(8192, 2048)[:, ::2]
    assert Buffers().empty_like(spread).is_contiguous()


class Keeping(nn.Module):
    """A model that keeps its output, and so the graph and all that is attached to it."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 32, 3, padding=1)
        self.kept: list[Tensor] = []
        self.gradients: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv(x)
        h.register_hook(self.gradients.append)
        h = h.relu()
        h.register_hook(self.gradients.append)
        self.kept.append(h.mean(dim=(2, 3)))
        return self.kept[-1]


def test_nothing_is_left_behind_and_what_others_hold_stays_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    passes: list[Buffers] = []
    made = Buffers.__init__

    def noted(self: Buffers) -> None:
        made(self)
        passes.append(self)

    monkeypatch.setattr(Buffers, "__init__", noted)
    net, x = Keeping(), torch.rand(4, 3, 64, 64)
    method = RectGrad(net, percentile=50)
    first = method.attribute(x, target=0)
    held = [gradient.clone() for gradient in net.gradients]
    assert len(held) == 2
    assert any(gradient.count_nonzero() for gradient in held)
    expected = first.clone()
    method.attribute(x.flip(0) * 2, target=1)
    assert torch.equal(first, expected)
    for gradient, before in zip(net.gradients, held, strict=False):
        assert torch.equal(gradient, before)
    assert passes
    assert not any(buffers._blocks for buffers in passes)
