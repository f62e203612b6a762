"""Each tensor of an exported file has a unique name, for all names of the model's own tensors."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from captum_rectgrad import export_onnx
from captum_rectgrad.export.check import check_onnx


class Transposed(nn.Module):
    """An autoencoder whose decoder is a view of the encoder, and a basis with its inverse."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.enc = nn.Linear(12, 12, bias=False)
        self.dec = nn.Linear(12, 12, bias=False)
        self.dec.weight = nn.Parameter(self.enc.weight.data.t())
        self.register_buffer("basis", torch.randn(12, 12))
        self.register_buffer("inverse", self.get_buffer("basis").t())

    def forward(self, x: Tensor) -> Tensor:
        """Logits of `(N, 12)`."""
        x = torch.relu(self.dec(torch.relu(self.enc(x))))
        return torch.relu(x @ self.get_buffer("basis")) @ self.get_buffer("inverse")


class Named(nn.Module):
    """A network whose scale has a given name."""

    def __init__(self, name: str) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.head, self.scale = nn.Conv2d(3, 64, 3), nn.Linear(64, 5), name
        self.register_parameter(name, nn.Parameter(torch.rand(1, 64, 4, 4) + 0.5))

    def forward(self, x: Tensor) -> Tensor:
        """Logits of `(N, 3, 6, 6)`."""
        scaled = torch.relu(self.conv(x)) * self.get_parameter(self.scale)
        return self.head(scaled.mean((2, 3)))


def test_tensors_at_one_address_keep_their_values(tmp_path: Path) -> None:
    model, inputs = Transposed().eval(), torch.randn(20, 12)
    export_onnx(model, inputs[:1], tmp_path / "map.onnx")
    found = check_onnx(tmp_path / "map.onnx", model, inputs, percentiles=[80, 40])
    assert found.failure is None
    assert found.deviating.sum() == 0


@pytest.mark.parametrize(
    "name",
    ["image", "class", "percentile", "logits", "map", "shares", "conv_1", "relu_2", "constant_0"],
)
@pytest.mark.parametrize("half", [False, True])
def test_parameter_with_the_name_of_another_tensor(name: str, half: bool, tmp_path: Path) -> None:
    model, images = Named(name).eval(), torch.randn(20, 3, 6, 6)
    export_onnx(model, images[:1], tmp_path / "map.onnx", half=half)
    found = check_onnx(tmp_path / "map.onnx", model, images)
    assert found.failure is None
    assert half or found.deviating.sum() == 0
