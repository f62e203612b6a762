"""In-place operations on views: refused where another view would keep a stale value."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from captum_rectgrad import Saliency, export_onnx
from captum_rectgrad.export.check import check_onnx
from captum_rectgrad.export.operators import UnsupportedOperatorError


class Masked(nn.Module):
    """A network with an operation without gradient in the middle."""

    def __init__(self, masked: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.head, self.masked = nn.Conv2d(3, 4, 3), nn.Linear(4, 5), masked

    def forward(self, x: Tensor) -> Tensor:
        """Logits of `(N, 3, 7, 7)`."""
        x = torch.relu(self.conv(x))
        with torch.no_grad():
            mask = self.masked(torch.ones_like(x))
        return self.head((x * mask).mean((2, 3)))


def transposed(mask: Tensor) -> Tensor:
    mask.transpose(2, 3)[:, :, 0].zero_()
    return mask


def chunk(mask: Tensor) -> Tensor:
    mask.chunk(2, 1)[0].mul_(0)
    return mask


def chunk_element(mask: Tensor) -> Tensor:
    mask.chunk(2, 1)[0][:, 0].zero_()
    return mask


def other_view(mask: Tensor) -> Tensor:
    other = mask.transpose(2, 3)
    mask[:, 0].zero_()
    return other


def result_of_zeroing(mask: Tensor) -> Tensor:
    zeros = mask[:, 0].zero_()
    return mask + zeros.unsqueeze(1)


def view_of_result(mask: Tensor) -> Tensor:
    other = mask.mul_(2).transpose(2, 3)
    mask.flatten(2).mul_(0)
    return other


@pytest.mark.parametrize(
    "masked", [transposed, chunk, chunk_element, other_view, result_of_zeroing, view_of_result]
)
def test_stale_view_is_refused(masked: Callable[[Tensor], Tensor], tmp_path: Path) -> None:
    model = Masked(masked).eval()
    with pytest.raises(UnsupportedOperatorError, match=r"aten\.(zero|mul)_\S* in place on a view"):
        export_onnx(model, torch.zeros(1, 3, 7, 7), tmp_path / "map.onnx")


def element(mask: Tensor) -> Tensor:
    mask[:, 0].zero_()
    mask[:, :, -1].zero_()
    return mask


def whole_in_another_shape(mask: Tensor) -> Tensor:
    mask.flatten(2).mul_(3)
    return mask


@pytest.mark.parametrize("masked", [element, whole_in_another_shape])
def test_change_that_no_other_view_sees(masked: Callable[[Tensor], Tensor], tmp_path: Path) -> None:
    model, images = Masked(masked).eval(), torch.randn(20, 3, 7, 7)
    export_onnx(model, images[:1], tmp_path / "map.onnx", Saliency)
    found = check_onnx(tmp_path / "map.onnx", model, images, Saliency)
    assert found.failure is None
    assert found.deviating.sum() == 0
