"""Graphs that share a file of weights in half precision, run in onnxruntime."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from captum_rectgrad import RectGrad, Saliency, export_onnx
from site_build.external_weights import external_weights
from site_build.playground_networks import half_precision


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten()
    return half_precision(nn.Sequential(*layers, nn.Linear(8 * 36, 4)).eval())


@pytest.fixture
def x() -> Tensor:
    return torch.randn(1, 3, 6, 6, generator=torch.Generator().manual_seed(1))


def test_two_graphs_read_one_file(model: nn.Module, x: Tensor, tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    weights = tmp_path / "shared.weights"
    cases: tuple[tuple[Any, float | None, dict[str, Any], Any], ...] = (
        (RectGrad, 60.0, {}, RectGrad(model, percentile=60)),
        (Saliency, None, {"abs": False}, Saliency(model)),
    )
    for method, percentile, options, made in cases:
        whole = export_onnx(model, x, tmp_path / "whole.onnx", method, dynamic=(), **options).path
        graph = external_weights(whole, model, weights)
        assert len(graph) < whole.stat().st_size
        (tmp_path / "graph.onnx").write_bytes(graph)
        feeds = {"image": x.numpy(), "class": np.array([2])}
        if percentile is not None:
            feeds["percentile"] = np.array([percentile])
        session = runtime.InferenceSession(str(tmp_path / "graph.onnx"))
        found = session.run(["map"], feeds)[0]
        expected = made.attribute(x, target=2, **options).detach()
        np.testing.assert_allclose(found, expected.numpy(), rtol=1e-4, atol=1e-6)
    assert weights.stat().st_size == 2 * sum(
        t.numel() for t in model.state_dict().values() if t.is_floating_point()
    )


def test_weights_that_are_not_exact_are_refused(x: Tensor, tmp_path: Path) -> None:
    model = nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(32, 2)).eval()
    whole = export_onnx(model, x, tmp_path / "whole.onnx", dynamic=()).path
    with pytest.raises(ValueError, match="not exact in half precision; round the model first"):
        external_weights(whole, model, tmp_path / "a.weights")


def test_weights_of_another_model_are_refused(model: nn.Module, x: Tensor, tmp_path: Path) -> None:
    whole = export_onnx(model, x, tmp_path / "whole.onnx", dynamic=()).path
    (tmp_path / "a.weights").write_bytes(b"others")
    with pytest.raises(ValueError, match=r"a\.weights has the weights of another model"):
        external_weights(whole, model, tmp_path / "a.weights")


def test_a_weight_that_is_too_large_is_refused() -> None:
    model = nn.Linear(1, 1)
    nn.init.constant_(model.weight, 1e6)
    with pytest.raises(ValueError, match="weight is too large for half precision"):
        half_precision(model)
