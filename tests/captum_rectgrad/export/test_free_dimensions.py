"""Files with free dimensions at sizes far from those of the recordings."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from captum_rectgrad import RectGrad, export_onnx
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
