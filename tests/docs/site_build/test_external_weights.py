"""Graphs that share a file of weights in half precision, run in onnxruntime."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from captum_rectgrad import RectGrad, Saliency, export_onnx
from captum_rectgrad.export.half_weights import rounded
from site_build.external_weights import external_weights


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.Flatten()
    return rounded(nn.Sequential(*layers, nn.Linear(64 * 36, 4)).eval())


@pytest.fixture
def x() -> Tensor:
    return torch.randn(1, 3, 6, 6, generator=torch.Generator().manual_seed(1))


def test_two_graphs_read_one_file(model: nn.Module, x: Tensor, tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    weights, whole = tmp_path / "shared.weights", tmp_path / "whole.onnx"
    cases: tuple[tuple[Any, float | None, dict[str, Any], Any], ...] = (
        (RectGrad, 60.0, {}, RectGrad(model, percentile=60)),
        (Saliency, None, {"abs": False}, Saliency(model)),
    )
    for method, percentile, options, made in cases:
        export_onnx(model, x, whole, method, dynamic=(), half=True, **options)
        graph = external_weights(whole, weights)
        assert len(graph) < whole.stat().st_size / 4
        (tmp_path / "graph.onnx").write_bytes(graph)
        feeds = {"image": x.numpy(), "class": np.array([2])}
        if percentile is not None:
            feeds["percentile"] = np.array([percentile])
        session = runtime.InferenceSession(str(tmp_path / "graph.onnx"))
        found = session.run(["map"], feeds)[0]
        expected = made.attribute(x, target=2, **options).detach()
        np.testing.assert_allclose(found, expected.numpy(), rtol=1e-4, atol=1e-6)
    assert weights.stat().st_size == 2 * (64 * 27 + 64 * 36 * 4)  # convolution and linear layer


def test_weights_of_another_model_are_refused(model: nn.Module, x: Tensor, tmp_path: Path) -> None:
    whole = export_onnx(model, x, tmp_path / "whole.onnx", dynamic=(), half=True).path
    (tmp_path / "a.weights").write_bytes(b"others")
    with pytest.raises(ValueError, match=r"a\.weights has the weights of another model"):
        external_weights(whole, tmp_path / "a.weights")
