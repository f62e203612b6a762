"""From photographs to maps, on the network whose weights a package carries."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import rectgrad_zoo
from captum_rectgrad.evaluation.methods import choose_methods
from captum_rectgrad.explain.classes import class_index, class_name
from captum_rectgrad.explain.explanation import explain, save_maps
from captum_rectgrad.plotting.images import sample_images


@pytest.fixture(scope="module")
def lite() -> nn.Module:
    return rectgrad_zoo.load("tf_efficientnet_lite0")


def test_the_photographs_are_what_they_show(lite: nn.Module, tmp_path: Path) -> None:
    methods = choose_methods(["saliency", "rectgrad"])
    cat, coffee, rocket = explain(lite, sample_images(), methods)
    assert cat.predicted in {"tiger cat", "Egyptian cat"}
    assert coffee.predicted == "espresso"
    assert coffee.probability > 0.5
    assert rocket.name == "rocket"
    assert cat.row().caption == f"{cat.predicted} {cat.probability:.0%}"
    # What the model sees is the middle of the photograph.
    assert cat.picture.shape == (224, 224, 3)
    middle = sample_images()["chelsea"].resize((337, 224)).crop((56, 0, 280, 224))
    difference = np.asarray(middle) / 255 - cat.picture
    assert abs(difference.mean()) < 0.05

    save_maps([cat, coffee], tmp_path / "maps.npz")
    with np.load(tmp_path / "maps.npz") as file:
        saved = dict(file)
    assert set(saved) == {
        f"{image}/{key}"
        for image in ("chelsea", "coffee")
        for key in ("input", "target", "predicted", "probability", "Saliency", "RectGrad")
    }
    rectgrad = cat.maps["RectGrad"]
    assert isinstance(rectgrad, torch.Tensor)
    assert np.array_equal(saved["chelsea/RectGrad"], rectgrad.numpy())
    assert str(saved["coffee/predicted"]) == "espresso"


def test_rectgrad_points_at_the_cats_eyes_and_nose(lite: nn.Module) -> None:
    images = {"chelsea": sample_images()["chelsea"]}
    (cat,) = explain(lite, images, choose_methods(["saliency", "rectgrad"]))

    def share(title: str) -> float:
        attribution = cat.maps[title]
        assert isinstance(attribution, torch.Tensor)
        total = attribution.sum(dim=0).abs()
        # Boxes around the eyes and the nose, by eye: a sixth of the picture.
        boxes = total[52:112, 40:98], total[75:128, 165:215], total[168:218, 110:160]
        return float(sum(box.sum() for box in boxes) / total.sum())

    assert share("RectGrad") > 0.8
    assert share("Saliency") < 0.4


def test_another_class_is_explained_when_asked(lite: nn.Module) -> None:
    images = {"coffee": sample_images()["coffee"]}
    methods = choose_methods(["saliency"])
    (own,) = explain(lite, images, methods)
    (other,) = explain(lite, images, methods, target=968)
    assert other.predicted == "espresso"
    assert other.target == "cup"
    assert other.row().caption.endswith("; shown: cup")
    a, b = own.maps["Saliency"], other.maps["Saliency"]
    assert isinstance(a, torch.Tensor)
    assert isinstance(b, torch.Tensor)
    assert not torch.equal(a, b)


def test_classes_by_number_and_name(lite: nn.Module) -> None:
    assert class_index(lite, "282") == 282
    assert class_index(lite, "Tiger Cat") == 282
    assert class_index(lite, "espresso maker") == 550
    assert class_index(lite, "capuchin") == 378  # a part that only one name has
    assert class_name(lite, 967) == "espresso"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("1000", "classes 0 to 999"),
        ("-1", "classes 0 to 999"),
        ("tigre cat", "no class is called 'tigre cat'; nearest names: 'tiger cat'"),
        ("terrier", "more than one class is called 'terrier'; nearest names: "),
        ("", "no class is called ''"),
    ],
)
def test_unknown_classes_raise_an_error_with_the_nearest_names(
    lite: nn.Module, name: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        class_index(lite, name)


def test_a_network_for_small_pictures() -> None:
    model = rectgrad_zoo.load("cifar10_cnn")
    (seen,) = explain(
        model, {"noise": Image.effect_noise((50, 40), 90)}, choose_methods(["rectgrad-prr"])
    )
    assert seen.picture.shape == (32, 32, 3)
    assert seen.predicted in (rectgrad_zoo.labels(model) or [])
    assert isinstance(seen.maps["RectGrad PRR"], torch.Tensor)


class Undefined(nn.Module):
    """A network whose logits are NaN, as from a damaged running variance."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.flatten(1).sum(1, keepdim=True).expand(-1, 3) * float("nan")


def test_probabilities_that_are_not_finite_are_an_error() -> None:
    methods = choose_methods(["saliency"])
    with pytest.raises(ValueError, match=r"probabilities of the classes are not finite \(NaN"):
        explain(Undefined(), {"image": torch.rand(3, 8, 8)}, methods)
