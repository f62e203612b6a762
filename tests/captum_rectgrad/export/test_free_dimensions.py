"""Files with free dimensions at sizes far from those of the recordings."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from captum_rectgrad import RectGrad, RectGradError, export_onnx
from captum_rectgrad.export.onnx_map import OnnxMap

PERCENTILE = 60


def classifier(*layers: nn.Module, channels: int = 16) -> nn.Module:
    """Layers, a mean over the pixels and a linear layer."""
    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 5))
    return nn.Sequential(*layers, *head).eval()


def check_sizes(model: nn.Module, file: Path, sizes: Iterable[tuple[int, ...]]) -> None:
    """Compare a file with PyTorch at batches and sizes `(N, H, W)`."""
    exported = OnnxMap(file)
    for count, height, width in sizes:
        images = torch.randn(count, 3, height, width)
        expected = RectGrad(model, percentile=PERCENTILE).attribute(images, target=2)
        found = exported(images.numpy(), 2, PERCENTILE).map
        error = np.abs(found - expected.numpy()).max()
        assert error <= 1e-4 * float(expected.max()), (height, width)
        assert expected.any()


def test_padding_trick_leaves_dimensions_of_fewer_than_3_positions_alone(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = classifier(
        nn.Conv2d(3, 8, 3, 2, 1),
        nn.ReLU(),
        nn.Conv2d(8, 16, 3, 2, 1),
        nn.ReLU(),
        nn.Conv2d(16, 16, 3, 1, 1),
        nn.ReLU(),
    )
    export_onnx(model, torch.zeros(1, 3, 24, 24), tmp_path / "map.onnx", dynamic=["batch", "size"])
    sizes = [(2, 8, 8), (2, 24, 4), (2, 4, 24), (2, 9, 12), (2, 3, 5), (2, 24, 24)]
    check_sizes(model, tmp_path / "map.onnx", sizes)


def test_flattened_pixels_after_poolings_at_every_size(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = classifier(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 16, 1),
        nn.ReLU(),
    )
    export_onnx(model, torch.zeros(1, 3, 32, 32), tmp_path / "map.onnx", dynamic=["batch", "size"])
    sizes = [(1, n, n) for n in range(20, 60)] + [(4, n, 32) for n in range(20, 60)]
    check_sizes(model, tmp_path / "map.onnx", sizes)


class Before(nn.Module):
    """A classifier after a function of its images."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.function = function
        self.net = classifier(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        """Logits of images `(N, 3, H, W)`."""
        return self.net(self.function(x))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: nn.functional.pad(x, (0, 0, x.shape[2] % 3, 0)),
        lambda x: nn.functional.pad(x, (x.shape[3] % 11, 0)),
        lambda x: x[:, :, : min(x.shape[2], 60)],
        lambda x: x * (1 + x.shape[2] // 64),
    ],
)
def test_size_is_fixed_if_a_number_depends_on_it(
    function: Callable[[Tensor], Tensor], tmp_path: Path
) -> None:
    model = Before(function).eval()
    written = export_onnx(model, torch.zeros(1, 3, 33, 33), tmp_path / "map.onnx")
    assert written.dynamic == ("batch",)
    check_sizes(model, written.path, [(4, 33, 33)])


def test_batch_is_fixed_if_a_number_depends_on_it(tmp_path: Path) -> None:
    model = Before(lambda x: x * (1 + len(x) // 4)).eval()
    written = export_onnx(model, torch.zeros(1, 3, 12, 12), tmp_path / "map.onnx")
    assert written.dynamic == ()


@pytest.mark.parametrize("dynamic", [None, ()])
@pytest.mark.parametrize(
    ("function", "operator"),
    [
        (lambda x: x * x.mean((0, 2, 3)).tolist()[0], ".tolist"),
        (lambda x: x * len(torch.nonzero(x > 0)), "aten.nonzero.default"),
        (lambda x: x * len(x[x > 0]), "aten.index.Tensor"),
    ],
)
def test_numbers_from_values_are_refused(
    function: Callable[[Tensor], Tensor], operator: str, dynamic: Any, tmp_path: Path
) -> None:
    with pytest.raises(RectGradError, match=f"reads the values .*{operator}"):
        export_onnx(
            Before(function).eval(),
            torch.zeros(1, 3, 12, 12),
            tmp_path / "map.onnx",
            dynamic=dynamic,
        )


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x + torch.full_like(x, x.shape[2]) / 10,
        lambda x: x + x.new_full((1, 3, 1, 1), x.shape[3]) / 10,
        lambda x: x + torch.full((), len(x)),
        lambda x: x + 2 * x.roll((4, -25, 50), (1, 2, 3)),
        lambda x: x + 2 * x.roll((x.shape[2], -x.shape[2]), (3, -2)),
    ],
)
def test_numbers_from_free_dimensions(function: Callable[[Tensor], Tensor], tmp_path: Path) -> None:
    model = Before(function).eval()
    file = tmp_path / "map.onnx"
    export_onnx(model, torch.zeros(1, 3, 12, 14), file, dynamic=["batch", "size"])
    check_sizes(model, file, [(1, 12, 14), (3, 20, 11), (2, 50, 25)])


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x + x[:, :, -2].unsqueeze(2) * x[:, :, -3].unsqueeze(2),
        lambda x: x + x.select(1, -2).unsqueeze(1) * 2,
        lambda x: x.roll((12, -13, 5, 25), (2, 3, 1, 2)) * x,
    ],
)
@pytest.mark.parametrize("dynamic", [["batch"], ["batch", "size"]])
def test_negative_indices_and_long_rotations(
    function: Callable[[Tensor], Tensor], dynamic: Any, tmp_path: Path
) -> None:
    model = Before(function).eval()
    export_onnx(model, torch.zeros(1, 3, 12, 12), tmp_path / "map.onnx", dynamic=dynamic)
    check_sizes(model, tmp_path / "map.onnx", [(4, 12, 12)])
