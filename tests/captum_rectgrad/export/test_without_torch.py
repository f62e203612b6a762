"""The program of the guide runs where PyTorch cannot be imported, and gives PyTorch's map."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import rectgrad_zoo
from captum_rectgrad import RectGrad, export_onnx
from captum_rectgrad.plotting.images import sample_images

GUIDE = Path(__file__).parents[3] / "docs/how-to/ship-a-map-with-your-model.md"
BLOCKED = """
import sys

for name in ("torch", "captum", "captum_rectgrad", "rectgrad_zoo", "timm"):
    sys.modules[name] = None
"""
SAVED = """
np.savez("found.npz", pixels=pixels, logits=logits, attribution=attribution)
"""


def program() -> str:
    (found,) = re.findall(
        r"start:python\] -->\n```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL
    )
    return str(found)


@pytest.mark.parametrize("name", ["cifar10_cnn", "tf_efficientnet_lite0"])
def test_program_without_pytorch(name: str, tmp_path: Path) -> None:
    model = rectgrad_zoo.load(name)
    photo = tmp_path / "photo.jpg"
    next(iter(sample_images().values())).save(photo)
    x = rectgrad_zoo.transform(model)(Image.open(photo).convert("RGB"))[None]
    export_onnx(model, x, tmp_path / "map.onnx", dynamic=())
    source = BLOCKED + program() + SAVED
    done = subprocess.run(
        [sys.executable, "-c", source], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    found = np.load(tmp_path / "found.npz")
    np.testing.assert_allclose(found["pixels"].transpose(2, 0, 1)[None], x.numpy(), atol=1e-6)
    with torch.no_grad():
        predicted = int(model(x).argmax())
    labels = rectgrad_zoo.labels(model)
    assert labels is not None
    assert done.stdout.startswith(labels[predicted])
    expected = RectGrad(model).attribute(x, target=predicted).numpy()
    gaps = np.abs(found["attribution"] - expected).sum() / np.abs(expected).sum()
    assert gaps < 0.1
    assert (tmp_path / "map.png").stat().st_size > 0
