"""One call from a model and an image to a figure: torchvision, the zoo, transformers, own nets."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image
from torch import nn
from torchvision import transforms
from torchvision.models import ResNet18_Weights, resnet18

import rectgrad_zoo
from captum_rectgrad import RectGradWarning, show

WEIGHTS = ResNet18_Weights.DEFAULT
PIXELS = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)


STEPS = transforms.Compose(
    [
        transforms.Resize((16, 16)),
        transforms.ToTensor(),
        transforms.Normalize([0.4] * 3, [0.2] * 3),
    ]
)


@pytest.fixture(scope="module")
def resnet() -> nn.Module:
    torch.manual_seed(0)
    return resnet18().eval()


@pytest.fixture(scope="module")
def small() -> nn.Module:
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 256, 3)
    return nn.Sequential(*layers).eval()


def titles(figure: Figure) -> list[str]:
    return [axes.get_title().replace("\n", " ") for axes in figure.axes]


def drawn(figure: Figure, panel: int = 0) -> NDArray[np.float64]:
    (image,) = figure.axes[panel].get_images()
    return np.asarray(image.get_array(), dtype=np.float64)


def close(found: NDArray[Any], expected: NDArray[Any]) -> bool:
    """Whether two pictures agree, if one of them is drawn with larger pixels."""
    factor = len(found) // len(expected)
    return bool(abs(found[::factor, ::factor] - expected).max() < 0.01)


@pytest.mark.parametrize("transform", [WEIGHTS, WEIGHTS.transforms()])
def test_a_network_of_torchvision(resnet: nn.Module, transform: Any) -> None:
    figure = show(resnet, PIXELS, transform=transform)
    x = WEIGHTS.transforms()(Image.fromarray(PIXELS))
    best = int(resnet(x[None]).argmax())
    named = WEIGHTS.meta["categories"][best] if transform is WEIGHTS else f"class {best}"
    assert titles(figure)[0].startswith(named)
    assert titles(figure)[1:] == ["Saliency", "RectGrad"]
    preset = WEIGHTS.transforms()
    mean, std = (torch.tensor(each)[:, None, None] for each in (preset.mean, preset.std))
    assert close(drawn(figure), (x * std + mean).permute(1, 2, 0).clamp(0, 1).numpy())
    assert drawn(figure, 2).any()
    with pytest.raises(ValueError, match=r"class 1000 is out of range"):
        show(resnet, PIXELS, transform=transform, target=1000)


def test_one_image_in_all_its_forms(small: nn.Module, tmp_path: Path) -> None:
    picture = Image.fromarray(PIXELS)
    picture.save(tmp_path / "cat.png")
    forms = [
        tmp_path / "cat.png",
        str(tmp_path / "cat.png"),
        picture,
        PIXELS,
        PIXELS / 255,
        STEPS(picture),
    ]
    figure = show(small, forms, transform=STEPS, labels=["cat", "dog", "cow"], target="dog")
    first = [drawn(figure, panel) for panel in range(3)]
    for row in range(1, len(forms)):
        for panel, expected in enumerate(first):
            np.testing.assert_allclose(drawn(figure, 3 * row + panel), expected, atol=1e-5)
    names = [axes.get_ylabel() for axes in figure.axes[::3]]
    assert names == ["cat.png", "cat.png", "", "", "", ""]
    seen = transforms.Resize((16, 16))(picture)
    assert close(first[0], np.asarray(seen) / 255)
    assert "dog" in titles(figure)[0]


def test_rows_have_the_names_of_a_dict(small: nn.Module, tmp_path: Path) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "cat.png")
    long = "holiday-photographs-of-the-year-2024-0017.png"
    images: dict[str, Any] = {"the cat": tmp_path / "cat.png", long: PIXELS}
    figure = show(small, images, transform=STEPS)
    names = [axes.get_ylabel() for axes in figure.axes[::3]]
    assert names == ["the cat", "holiday-pho...24-0017.png"]


def test_names_of_the_weights_that_do_not_fit_are_not_used() -> None:
    torch.manual_seed(0)
    tuned = resnet18(num_classes=7).eval()
    with pytest.warns(RectGradWarning, match="name 1000 classes and the model has 7") as caught:
        figure = show(tuned, [PIXELS, PIXELS], transform=WEIGHTS, target=[6, None])
    assert len(caught) == 1
    caption, _, _, predicted, *_ = titles(figure)
    assert "class 6" in caption
    assert predicted.startswith("class ")
    names = [f"flower {number}" for number in range(7)]
    named = show(tuned, PIXELS, transform=WEIGHTS, labels=names, target="flower 6")
    assert "flower 6" in titles(named)[0]


def test_an_unknown_normalisation_is_shown_from_black_to_white(small: nn.Module) -> None:
    x = torch.linspace(-3, 5, 3 * 16 * 16).reshape(3, 16, 16)
    seen = drawn(show(small, x))
    assert (seen.min(), seen.max()) == (0, 1)


def test_a_network_of_the_zoo_over_its_picture() -> None:
    model = rectgrad_zoo.load("cifar10_cnn")
    plain, over = (show(model, PIXELS, target="ship", overlay=each) for each in (False, True))
    assert titles(plain)[0].endswith("shown: ship") or titles(plain)[0].startswith("ship")
    assert drawn(plain, 2).ndim == 2
    assert drawn(over, 2).ndim == 3
    with_bars = show(model, PIXELS, methods=["rectgrad"], colorbar=True)
    assert titles(with_bars)[1] == "RectGrad"


def test_a_network_of_transformers() -> None:
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.ViTConfig(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        image_size=16,
        patch_size=4,
        id2label={0: "cat", 1: "dog", 2: "bird"},
    )
    model = transformers.ViTForImageClassification(config).eval()
    processor = transformers.ViTImageProcessor(
        size={"height": 16, "width": 16}, image_mean=[0.4] * 3, image_std=[0.2] * 3
    )
    figure = show(model, PIXELS, transform=processor, target="bird")
    x = processor(images=Image.fromarray(PIXELS), return_tensors="pt")["pixel_values"]
    best = int(model(x).logits.argmax())
    assert titles(figure)[0].startswith(config.id2label[best])
    assert close(drawn(figure), (x[0] * 0.2 + 0.4).permute(1, 2, 0).clamp(0, 1).numpy())
    assert drawn(figure, 2).any()
    with pytest.raises(
        ValueError, match=r"ViTForImageClassification has no pretrained_cfg.*transform="
    ):
        show(model, PIXELS)


class TwoHeads(nn.Module):
    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"species": self.body(x), "features": x}


@pytest.mark.bitwise("the same operations on the tensor that is chosen")
def test_an_output_is_chosen(small: nn.Module) -> None:
    x = torch.rand(3, 16, 16)
    model = TwoHeads(small).eval()
    chosen, own = show(model, x, output="species"), show(small, x)
    np.testing.assert_array_equal(drawn(chosen, 2), drawn(own, 2))
    with pytest.raises(TypeError, match="output="):
        show(model, x)
    with pytest.raises(ValueError, match=r"shape \(1, 3, 16, 16\).*output="):
        show(model, x, output="features")


@pytest.mark.parametrize(
    ("image", "more", "message"),
    [
        (PIXELS, {}, r"Sequential has no pretrained_cfg.*transform=.*ResNet18_Weights"),
        ("no/such.png", {}, "cannot read 'no/such.png'"),
        ([], {}, "empty list"),
        (PIXELS.transpose(2, 0, 1), {}, r"shape \(3, 48, 64\), expected"),
        (PIXELS.astype(np.float32), {}, r"from 0 to 255, expected \[0, 1\]"),
        (PIXELS.astype(np.int64), {}, "array of int64, expected uint8"),
        (torch.rand(2, 3, 16, 16), {}, r"list\(images\)"),
        (torch.full((3, 16, 16), torch.nan), {}, "tensor with NaN or infinite values"),
        (torch.rand(3, 16, 16), {"labels": ["cat"]}, "has 1 names, but the model has 3 classes"),
        (torch.rand(3, 16, 16), {"target": [0, 1]}, "got 2 targets for 1 images"),
        ("https://example.org/cat.png", {}, "got the URL 'https.*download it"),
        (Path(__file__).parent, {}, "it is a folder: list its files"),
        (torch.rand(3, 16, 16), {"target": "cat"}, "no class is called 'cat'; .* give an index"),
        (torch.rand(3, 16, 16), {"methods": ["salience"]}, "'salience' is not a known method"),
    ],
)
def test_refusals(small: nn.Module, image: Any, more: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        show(small, image, **more)


def test_other_types_and_training_mode_are_refused(small: nn.Module) -> None:
    with pytest.raises(TypeError, match="image of type int, expected a path"):
        show(small, 3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"got a state dict .*load_state_dict"):
        show(small.state_dict(), PIXELS)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"got 'resnet18' as the model.*rectgrad_zoo.load"):
        show("resnet18", PIXELS)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"labels='names.txt', expected a list"):
        show(small, PIXELS, labels="names.txt")
    with pytest.raises(TypeError, match="transform of type int, expected a function"):
        show(small, PIXELS, transform=3)
    with pytest.raises(TypeError, match=r"transform of type the class ResNet18_Weights, expected"):
        show(small, PIXELS, transform=type(WEIGHTS))
    with pytest.raises(
        TypeError, match=r"transform returned a Image, expected .* end it with ToTensor"
    ):
        show(small, PIXELS, transform=transforms.Resize(16))
    with pytest.raises(TypeError, match=r"the image is a tensor of torch.uint8"):
        show(small, torch.zeros(3, 16, 16, dtype=torch.uint8))
    with pytest.raises(ValueError, match=r"training mode.*model.eval\(\)"):
        show(nn.Sequential(nn.Flatten(), nn.Linear(768, 3)), torch.rand(3, 16, 16))
