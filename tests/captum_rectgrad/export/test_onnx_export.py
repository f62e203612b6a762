"""The exported file: its numbers, its free dimensions, its metadata, and what is refused."""

import builtins
import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from PIL import ImageOps
from torch import Tensor, nn

import captum_rectgrad
import rectgrad_zoo
from captum_rectgrad import (
    GuidedBackprop,
    NoBiasRectGrad,
    RectGrad,
    RectGradConst,
    RectGradError,
    RectGradMod,
    RectGradPRR,
    RectGradWarning,
    Saliency,
    export_onnx,
)
from captum_rectgrad.attr.base import ModifiedGradient
from captum_rectgrad.export.check import check_onnx
from captum_rectgrad.export.onnx_map import OnnxMap
from captum_rectgrad.plotting.images import photographs


@pytest.fixture(scope="module")
def cnn() -> nn.Module:
    return rectgrad_zoo.load("cifar10_cnn")


@pytest.fixture(scope="module")
def cnn_file(cnn: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("export") / "map.onnx"
    export_onnx(cnn, torch.zeros(1, 3, 32, 32), file)
    return file


def twenty_pictures(model: nn.Module) -> Tensor:
    transform = rectgrad_zoo.transform(model)
    pictures = list(photographs().values())
    pictures += [ImageOps.mirror(picture) for picture in pictures]
    return torch.stack([transform(picture) for picture in pictures[:20]])


def test_map_by_hand(tmp_path: Path) -> None:
    """Scores a * R of the hidden units are 4, 3, -2, 0 and pass, by percentile, where larger."""
    model = nn.Sequential(nn.Linear(2, 4, bias=False), nn.ReLU(), nn.Linear(4, 2, bias=False))
    model.eval()
    model[0].weight.data = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [-1.0, 0.0]])
    model[2].weight.data = torch.tensor([[4.0, 1.5, -2 / 3, 5.0], [0.0, 0.0, 0.0, 0.0]])
    export_onnx(model, torch.zeros(1, 2), tmp_path / "map.onnx")
    exported = OnnxMap(tmp_path / "map.onnx")
    image = np.array([[1.0, 2.0]], dtype=np.float32)
    # Ascending -2, 0, 3, 4. Rank 2 at percentile 67: the first unit alone passes.
    found = exported(image, 0, 67)
    np.testing.assert_allclose(found.logits, [[5, 0]], rtol=1e-6)
    np.testing.assert_allclose(found.map, [[4, 0]], rtol=1e-6)
    assert found.shares is not None
    assert found.shares.tolist() == [[0.25]]
    # Rank 0 at percentile 0: all but the third unit, of which the fourth is inactive.
    found = exported(image, -1, 0)
    np.testing.assert_allclose(found.map, [[0, 3]], rtol=1e-6)  # 4 - 5 < 0 is cut off
    # The maximum at percentile 100: nothing.
    found = exported(image, -1, 100)
    assert found.map.tolist() == [[0, 0]]


@pytest.mark.parametrize(
    ("method", "options"),
    [
        (RectGrad, {}),
        (RectGrad, {"rule": "PR2", "padding_trick": False, "final_threshold": False}),
        (RectGradPRR, {}),
        (RectGradMod, {}),
        (RectGradConst, {"tau": 0.01}),
        (NoBiasRectGrad, {}),
        (GuidedBackprop, {}),
        (Saliency, {}),
        (Saliency, {"abs": False}),
    ],
)
def test_cifar10_cnn_agrees_on_twenty_pictures(
    cnn: nn.Module, method: type[ModifiedGradient], options: dict[str, Any], tmp_path: Path
) -> None:
    images = twenty_pictures(cnn)
    written = export_onnx(cnn, images[:1], tmp_path / "map.onnx", method, **options)
    found = check_onnx(written.path, cnn, images, method, percentiles=(98, 70, 20), **options)
    assert found.failure is None
    assert found.deviating.mean() <= 0.1
    assert ("percentile" in written.inputs) == (found.percentiles != (None,))
    assert ("shares" in written.outputs) == (method is not Saliency)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("cifar10_cnn_occluded", RectGrad),
        ("cifar10_cnn_untrained", RectGradPRR),
        ("cifar10_resnet", RectGrad),
        ("tf_efficientnet_lite0", RectGrad),
        ("tf_efficientnet_lite0", Saliency),
    ],
)
def test_embedded_checkpoint_agrees_on_twenty_pictures(
    name: str, method: type[ModifiedGradient], tmp_path: Path
) -> None:
    model = rectgrad_zoo.load(name)
    images = twenty_pictures(model)
    export_onnx(model, images[:1], tmp_path / "map.onnx", method)
    found = check_onnx(tmp_path / "map.onnx", model, images, method)
    assert found.failure is None


def test_standard_operators_and_weights_once(cnn: nn.Module, cnn_file: Path) -> None:
    model = onnx.load(cnn_file)
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 18)]
    assert {node.domain for node in model.graph.node} == {""}
    weights = sum(4 * p.numel() for p in cnn.parameters())
    assert cnn_file.stat().st_size < 1.01 * weights
    names = {tensor.name for tensor in model.graph.initializer}
    assert names >= {name for name, _ in cnn.named_parameters()}


def test_weights_in_half_precision(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 10)).eval()
    before = [parameter.clone() for parameter in model.parameters()]
    inputs = torch.randn(20, 64)
    in_full = export_onnx(model, inputs, tmp_path / "full.onnx")
    written = export_onnx(model, inputs, tmp_path / "map.onnx", half=True)
    assert written.bytes < 0.6 * in_full.bytes
    found = check_onnx(written.path, model, inputs)
    assert found.failure is None
    assert found.deviating.mean() <= 0.1
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), before, strict=True))
    # The rounding of the weights is visible, and as large as that of float16.
    full, half = (OnnxMap(w.path)(inputs.numpy()).logits for w in (in_full, written))
    assert 1e-5 < np.abs(full - half).max() / np.abs(full).max() < 1e-2


def test_first_of_equal_values_gets_the_gradient_of_a_max_pooling(tmp_path: Path) -> None:
    model = nn.Sequential(nn.MaxPool2d(2), nn.Flatten(), nn.Linear(1, 2, bias=False)).eval()
    model[2].weight.data = torch.tensor([[3.0], [-2.0]])
    export_onnx(model, torch.zeros(1, 1, 2, 2), tmp_path / "map.onnx", Saliency, abs=False)
    found = OnnxMap(tmp_path / "map.onnx")(np.full((1, 1, 2, 2), 7, dtype=np.float32), 1)
    assert found.map.tolist() == [[[[-2, 0], [0, 0]]]]
    assert found.shares is None


class Pooled(nn.Module):
    """A network for images of any size, with a stride and a pooling."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.second = nn.Conv2d(8, 8, 3, padding=1)
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of images `(N, 3, H, W)`."""
        x = nn.functional.max_pool2d(torch.relu(self.first(x)), 3, 2, 1)
        return self.head(torch.relu(self.second(x)).mean((2, 3)))


def test_size_is_free_if_the_network_allows_it(tmp_path: Path) -> None:
    model = Pooled().eval()
    written = export_onnx(model, torch.zeros(1, 3, 24, 24), tmp_path / "map.onnx")
    assert written.dynamic == ("batch", "size")
    for height, width in [(24, 24), (31, 40), (50, 17)]:
        images = torch.randn(20, 3, height, width)
        found = check_onnx(written.path, model, images)
        assert found.failure is None
        assert found.deviating.sum() == 0


def test_size_is_fixed_if_padding_depends_on_it(tmp_path: Path) -> None:
    class Same(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = Pooled()

        def forward(self, x: Tensor) -> Tensor:
            return self.net(nn.functional.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2)))

    written = export_onnx(Same().eval(), torch.zeros(1, 3, 24, 24), tmp_path / "map.onnx")
    assert written.dynamic == ("batch",)
    with pytest.raises(RectGradError, match=r"free size: .*depends? on the shape of the inputs"):
        export_onnx(Same().eval(), torch.zeros(1, 3, 24, 24), written.path, dynamic=["size"])


def test_batch_is_fixed_if_the_network_counts_samples(tmp_path: Path) -> None:
    class Counts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = Pooled()

        def forward(self, x: Tensor) -> Tensor:
            return self.net(x) if len(x) == 1 else self.net(2 * x)

    model = Counts().eval()
    images = torch.randn(20, 3, 24, 24)
    written = export_onnx(model, images[:1], tmp_path / "map.onnx", dynamic=())
    assert written.dynamic == ()
    singly = torch.cat([RectGrad(model).attribute(x[None], target=2) for x in images])
    exported = OnnxMap(written.path)
    for image, expected in zip(images, singly, strict=True):
        found = exported(image[None].numpy(), 2).map[0]
        assert np.abs(found - expected.numpy()).max() <= 1e-5 * float(expected.max())


def test_required_dimension_that_cannot_be_free(cnn: nn.Module, tmp_path: Path) -> None:
    with pytest.raises(RectGradError, match="free size: the model refuses images of 65 x 32"):
        export_onnx(cnn, torch.zeros(1, 3, 32, 32), tmp_path / "map.onnx", dynamic=["size"])
    with pytest.raises(ValueError, match="dynamic must be a collection"):
        export_onnx(cnn, torch.zeros(1, 3, 32, 32), tmp_path / "a.onnx", dynamic="batch")  # type: ignore[arg-type]


def test_metadata(cnn: nn.Module, cnn_file: Path, tmp_path: Path) -> None:
    found = OnnxMap(cnn_file).metadata
    assert found["method"] == "RectGrad"
    assert found["version"] == captum_rectgrad.__version__
    assert found["settings"]["percentile"] == 98
    assert found["settings"]["padding_trick"] is True
    assert found["checkpoint"]["sha256"] == rectgrad_zoo.provenance(cnn).sha256
    assert found["labels"] == rectgrad_zoo.labels(cnn)
    assert found["preprocessing"]["mean"] == [0.5, 0.5, 0.5]
    assert found["layers"][0] == "ReLU after 'fc1'"
    export_onnx(
        Pooled().eval(), torch.zeros(1, 3, 9, 9), tmp_path / "map.onnx", labels=list("abcde")
    )
    own = OnnxMap(tmp_path / "map.onnx").metadata
    assert own["labels"] == list("abcde")
    assert len(own["checkpoint"]["sha256"]) == 64
    assert "preprocessing" not in own


def test_provenance_is_that_of_the_exported_weights(
    cnn: nn.Module, cnn_file: Path, tmp_path: Path
) -> None:
    rounded = export_onnx(cnn, torch.zeros(1, 3, 32, 32), tmp_path / "half.onnx", half=True)
    loaded = OnnxMap(cnn_file).metadata["checkpoint"]
    assert OnnxMap(rounded.path).metadata["checkpoint"] == loaded
    assert loaded["pinned"] is True
    changed = copy.deepcopy(cnn)
    with torch.no_grad():
        next(changed.parameters())[0] += 1
    export_onnx(changed, torch.zeros(1, 3, 32, 32), tmp_path / "map.onnx")
    found = OnnxMap(tmp_path / "map.onnx").metadata["checkpoint"]
    assert found["sha256"] == found["state_dict_sha256"]
    assert found["sha256"] not in {loaded["sha256"], loaded["state_dict_sha256"]}
    assert "pinned" not in found


class Positive(nn.Module):
    """A ReLU written as arithmetic."""

    def forward(self, x: Tensor) -> Tensor:
        """The positive part of `x`."""
        return x * (x > 0)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (nn.Sequential(nn.Flatten(), nn.Linear(12, 3)), "no activation was found"),
        (nn.Sequential(nn.Flatten(), nn.Linear(12, 3), nn.ReLU(), Positive()), "differentiated"),
    ],
)
def test_warnings_of_the_method_are_those_of_the_export(
    model: nn.Module, message: str, tmp_path: Path
) -> None:
    with pytest.warns(RectGradWarning, match=message):
        export_onnx(model.eval(), torch.rand(1, 3, 2, 2), tmp_path / "map.onnx")


def test_training_mode_and_missing_batch_dimension_are_refused(tmp_path: Path) -> None:
    model = Pooled()
    with pytest.raises(ValueError, match=r"the model \(Pooled\) is in training mode.*model.eval"):
        export_onnx(model, torch.zeros(1, 3, 24, 24), tmp_path / "map.onnx")
    model.eval().second.train()
    with pytest.raises(ValueError, match=r"module 'second' \(Conv2d\) is in training mode"):
        export_onnx(model, torch.zeros(1, 3, 24, 24), tmp_path / "map.onnx")
    with pytest.raises(ValueError, match=r"shape \(3, 24, 24\) without batch .* example\[None\]"):
        export_onnx(model.eval(), torch.zeros(3, 24, 24), tmp_path / "map.onnx")
    assert not (tmp_path / "map.onnx").exists()


def test_arguments_out_of_range_are_refused(cnn_file: Path) -> None:
    exported, image = OnnxMap(cnn_file), np.zeros((1, 3, 32, 32), dtype=np.float32)
    with pytest.raises(ValueError, match="class 10 is out of range: the file has classes 0 to 9"):
        exported(image, 10)
    with pytest.raises(ValueError, match=r"expected \(batch, 3, 32, 32\); resize"):
        exported(image[:, :, :31])
    with pytest.raises(ValueError, match=r"\(3, 32, 32\), expected .*; add .* images\[None\]"):
        exported(image[0])
    with pytest.raises(TypeError, match=r"float64, expected float32; .*astype\(np.float32\)"):
        exported(image.astype(np.float64))
    with pytest.raises(TypeError, match="must be a NumPy array of float32, got Tensor"):
        exported(torch.zeros(1, 3, 32, 32))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="contain NaN"):
        exported(image * np.float32("nan"))
    for wrong in ("cat", ["cat"], 1.5):
        with pytest.raises(TypeError, match=r"index from 0 to 9, or -1 .*, got"):
            exported(image, wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"number in \[0, 100\], got '98'"):
        exported(image, percentile="98")  # type: ignore[arg-type]
    for outside in (101, float("nan")):
        with pytest.raises(ValueError, match="percentile must be in"):
            exported(image, percentile=outside)
    with pytest.raises(ValueError, match="got 2 classes for 1 images"):
        exported(image, [1, 2])


@pytest.mark.parametrize("wrong", [10, -2])
def test_runtime_refuses_a_class_out_of_range(cnn_file: Path, wrong: int) -> None:
    session = onnxruntime.InferenceSession(cnn_file)
    feeds = {
        "image": np.zeros((1, 3, 32, 32), dtype=np.float32),
        "class": np.array([wrong]),
        "percentile": np.array([98.0]),
    }
    with pytest.raises(Exception, match=r"out of (data )?bounds|[Oo]ut of range"):
        session.run(None, feeds)


def test_damaged_and_foreign_files_are_refused(cnn_file: Path, tmp_path: Path) -> None:
    content = cnn_file.read_bytes()
    damaged = tmp_path / "damaged.onnx"
    for part in (content[: len(content) // 2], b"no model", b""):
        damaged.write_bytes(part)
        with pytest.raises(RectGradError, match="is no ONNX file that onnxruntime can read"):
            OnnxMap(damaged)
    model = onnx.load(cnn_file)
    del model.metadata_props[:]
    onnx.save(model, damaged)
    with pytest.raises(RectGradError, match="has no metadata of an attribution"):
        OnnxMap(damaged)


def test_model_and_method_that_are_no_such_thing(cnn: nn.Module, tmp_path: Path) -> None:
    example, file = torch.zeros(1, 3, 32, 32), tmp_path / "map.onnx"
    with pytest.raises(RectGradError, match=r"float32 on the CPU, got .*float64"):
        export_onnx(Pooled().double().eval(), example.double(), file)
    with pytest.raises(TypeError, match="method must be a class of captum_rectgrad"):
        export_onnx(cnn, example, file, RectGrad(cnn))
    with pytest.raises(RectGradError, match=r"expected logits of shape \(N, classes\)"):
        export_onnx(nn.Conv2d(3, 2, 1).eval(), example, file)
    with pytest.raises(ValueError, match="the list of labels has 2 names"):
        export_onnx(cnn, example, file, labels=["a", "b"])


def test_model_that_reads_values_is_refused(tmp_path: Path) -> None:
    class Reads(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.flatten(1)[:, :3] * float(x.max())

    with pytest.raises(RectGradError, match="reads the values of its tensors"):
        export_onnx(Reads().eval(), torch.ones(1, 3, 2, 2), tmp_path / "map.onnx")


def test_missing_package_is_named(
    cnn: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.partition(".")[0] in {"onnx", "onnxruntime"}:
            raise ImportError(name)
        return imported(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(RectGradError, match="needs the package onnx; install it with"):
        export_onnx(cnn, torch.zeros(1, 3, 32, 32), tmp_path / "map.onnx")
    with pytest.raises(RectGradError, match="needs the package onnxruntime; install it with"):
        OnnxMap(tmp_path / "map.onnx")


def test_metadata_is_json(cnn_file: Path) -> None:
    found = {entry.key: entry.value for entry in onnx.load(cnn_file).metadata_props}
    assert json.loads(found["settings"])["rule"] == "PR1"
