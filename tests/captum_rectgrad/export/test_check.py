"""The judgement of the comparison with PyTorch."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from captum_rectgrad import Saliency, export_onnx
from captum_rectgrad.export.check import check_onnx


class Scaled(nn.Module):
    """A network whose logits are multiplied by a number."""

    def __init__(self, scale: float, *, of_map_only: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 5))
        self.register_buffer("scale", torch.tensor(scale))
        self.of_map_only = of_map_only

    def forward(self, x: Tensor) -> Tensor:
        """Logits of `(N, 6)`."""
        scale = self.get_buffer("scale")
        if self.of_map_only:  # the value is 1, and the derivative has the number
            return self.net(x) + (x - x.detach()).sum(1, keepdim=True) * scale
        return self.net(x) * scale


@pytest.mark.parametrize(
    ("scale", "of_map_only", "failure"),
    [
        (float("nan"), False, "NaN or infinite"),
        (float("inf"), False, "NaN or infinite"),
        (1e20, True, None),
        (0.0, False, None),
        (1.0, False, None),
    ],
)
def test_numbers_that_are_not_finite_fail(
    scale: float,
    of_map_only: bool,
    failure: str | None,
    tmp_path: Path,
) -> None:
    model, inputs = Scaled(scale, of_map_only=of_map_only).eval(), torch.randn(20, 6)
    export_onnx(model, inputs[:1], tmp_path / "map.onnx", Saliency)
    found = check_onnx(tmp_path / "map.onnx", model, inputs, Saliency)
    assert (found.failure is None) == (failure is None)
    assert (failure or "") in (found.failure or "")
