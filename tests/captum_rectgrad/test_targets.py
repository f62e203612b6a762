"""Targets beyond a class, with RectGrad, with Captum's methods and on an existing graph."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from captum.attr import Saliency as CaptumSaliency
from torch import Tensor, nn

from captum_rectgrad import LayerRectGrad, RectGrad, Saliency, SelectedOutput, rectified_grad
from captum_rectgrad.targets import (
    BoxScore,
    EmbeddingSimilarity,
    LogitDifference,
    RegressionValue,
    SegmentationMask,
    SegmentationPixel,
)

Target = Callable[[Any], Tensor]
N = 3
MASK = torch.zeros(6, 6, dtype=torch.bool)
MASK[1:3, 2:5] = True


class Classifier(nn.Module):
    """Logits, embeddings and numbers: `(N, 5)`."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 36, 64), nn.ReLU(), nn.Linear(64, 5))

    def forward(self, x: Tensor) -> Any:
        return {"features": x, "logits": self.net(x)}


class Segmenter(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 32, 3, padding=1), nn.Conv2d(32, 4, 1)
        self.net = nn.Sequential(self.first, nn.ReLU(), self.last)

    def forward(self, x: Tensor) -> Any:
        logits = self.net(x)
        # Without the mean, every class has a region.
        return {"out": logits - logits.mean(dim=(2, 3), keepdim=True), "aux": x}


class VolumeSegmenter(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Conv3d(1, 32, 3, padding=1), nn.ReLU(), nn.Conv3d(32, 4, 1))

    def forward(self, x: Tensor) -> Any:
        return self.net(x[:, None])


class Detector(nn.Module):
    """As torchvision's: a dict for each image, with sorted scores."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 36, 64), nn.ReLU(), nn.Linear(64, 9))

    def forward(self, x: Tensor) -> Any:
        return [{"scores": row.sort(descending=True).values} for row in self.net(x).sigmoid()]


def of_mask(returned: Any) -> Tensor:
    return returned["out"][:, 1, 1:3, 2:5].mean(dim=(1, 2))


def of_mask_of_volume(returned: Tensor) -> Tensor:
    return returned[:, 1, :, 1:3, 2:5].mean(dim=(1, 2, 3))


def of_own_region(returned: Any) -> Tensor:
    found: list[Tensor] = []
    for logits in returned["out"]:
        inside = logits.argmax(dim=0) == 1
        found.append(logits[1][inside].mean())
    return torch.stack(found)


REFERENCE = torch.linspace(-1, 1, 5, dtype=torch.float64)
CASES: list[tuple[type[nn.Module], Target, Target]] = [
    (Classifier, LogitDifference(3, 1), lambda r: r["logits"][:, 3] - r["logits"][:, 1]),
    (Classifier, RegressionValue(2), lambda r: r["logits"][:, 2]),
    (
        Classifier,
        EmbeddingSimilarity(REFERENCE),
        lambda r: (r["logits"] @ REFERENCE) / r["logits"].norm(dim=1) / REFERENCE.norm(),
    ),
    (Segmenter, SegmentationPixel(1, (2, 3)), lambda r: r["out"][:, 1, 2, 3]),
    (Segmenter, SegmentationMask(1, MASK), of_mask),
    (Segmenter, SegmentationMask(1), of_own_region),
    (VolumeSegmenter, SegmentationPixel(-1, (1, 2, 3)), lambda r: r[:, 3, 1, 2, 3]),
    (VolumeSegmenter, SegmentationMask(1, MASK.expand(3, 6, 6)), of_mask_of_volume),
    (Detector, BoxScore(1), lambda r: torch.stack([image["scores"][1] for image in r])),
]


def build(kind: type[nn.Module]) -> tuple[Any, Tensor]:
    torch.manual_seed(0)
    return kind().double().eval(), torch.rand(N, 3, 6, 6).double()


@pytest.mark.parametrize(("kind", "target", "by_hand"), CASES)
def test_one_target_serves_every_way_of_attribution(
    kind: type[nn.Module], target: Target, by_hand: Target
) -> None:
    model, x = build(kind)
    leaf = x.clone().requires_grad_()
    torch.testing.assert_close(target(model(x)), by_hand(model(x)))
    assert target(model(x)).shape == (N,)

    (gradient,) = torch.autograd.grad(by_hand(model(leaf)).sum(), leaf)
    assert gradient.flatten(1).any(dim=1).all()
    torch.testing.assert_close(Saliency(model).attribute(x, target=target, abs=False), gradient)
    captums = CaptumSaliency(SelectedOutput(model, target))
    torch.testing.assert_close(captums.attribute(leaf, abs=False), gradient)

    found = RectGrad(model, 70).attribute(x, target=target)
    assert found.any()
    (rectified,) = rectified_grad(target(model(leaf)), leaf, percentile=70)
    torch.testing.assert_close((x * rectified).clamp(min=0), found)
    torch.testing.assert_close(RectGrad(model, 70, output=target).attribute(x), found)
    parts = RectGrad(model, 70).attribute(x, target=target, internal_batch_size=2)
    torch.testing.assert_close(parts, found)


def test_a_target_of_a_layer() -> None:
    model, x = build(Segmenter)
    layer = model.first
    target = SegmentationPixel(1, (2, 3))
    found = LayerRectGrad(model, layer, percentile=70).attribute(x, target=target)
    expected = LayerRectGrad(model, layer, percentile=70).attribute(x, target=(1, 2, 3))
    assert expected.any()
    assert torch.equal(found, expected)


def test_a_mask_of_each_sample() -> None:
    model, x = build(Segmenter)
    masks = torch.stack([MASK, ~MASK, MASK.T])
    found = Saliency(model).attribute(x, target=SegmentationMask(1, masks))
    for i in range(N):
        expected = Saliency(model).attribute(x[i : i + 1], target=SegmentationMask(1, masks[i]))
        torch.testing.assert_close(found[i : i + 1], expected)


def test_a_function_of_the_user_is_a_target() -> None:
    model, x = build(Classifier)
    found = RectGrad(model, 70).attribute(x, target=lambda r: r["logits"][:, [3]])
    assert torch.equal(found, RectGrad(model, 70).attribute(x, target=3))


def test_a_detector_of_torchvision() -> None:
    torchvision = pytest.importorskip("torchvision")
    torch.manual_seed(0)
    model = torchvision.models.detection.ssdlite320_mobilenet_v3_large(
        weights=None, weights_backbone=None, num_classes=3
    ).eval()
    image = torch.rand(1, 3, 64, 64)
    found = RectGrad(model, 90).attribute(image, target=BoxScore(0))
    assert found.any()
    assert torch.isfinite(found).all()
    with pytest.raises(ValueError, match=r"image 0 has .* boxes, expected more than 100000"):
        RectGrad(model, 90).attribute(image, target=BoxScore(100000))


@pytest.mark.parametrize(
    ("target", "returned", "error", "message"),
    [
        (LogitDifference(0, 5), torch.rand(2, 5), ValueError, "index 5 is out of range"),
        (LogitDifference(0, 1), torch.rand(2), ValueError, r"shape \(2,\), expected \(N, classes"),
        (RegressionValue(1), torch.rand(2), ValueError, "index 1 is out of range"),
        (RegressionValue(), torch.rand(2, 3, 4), ValueError, r"expected \(N,\) or \(N, numbers"),
        (SegmentationPixel(0, (1, 2)), torch.rand(2, 5), ValueError, "classes, H, W"),
        (SegmentationPixel(0, (1, 9)), torch.rand(2, 5, 8, 9), ValueError, "outside a segm"),
        (SegmentationPixel(0, (1, -1)), torch.rand(2, 5, 8, 9), ValueError, "outside a segm"),
        (SegmentationPixel(0, (1,)), torch.rand(2, 5, 8, 9), ValueError, "outside a segm"),
        (SegmentationMask(0, MASK), torch.rand(2, 5, 8, 9), ValueError, r"expected \(8, 9\)"),
        (EmbeddingSimilarity(torch.rand(4)), torch.rand(2, 5), ValueError, r"expected \(5,\)"),
        (BoxScore(), torch.rand(2, 5), TypeError, r"got Tensor.*target=\(query, class\)"),
        (BoxScore(2), [{"scores": torch.rand(2)}], ValueError, "image 0 has 2 boxes"),
    ],
)
def test_what_does_not_fit_is_refused(
    target: Target, returned: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        target(returned)


def test_functions_that_return_something_else_are_refused() -> None:
    model, x = build(Classifier)
    number: Any = lambda _: 1  # noqa: E731
    with pytest.raises(TypeError, match="must return a tensor with one number per sample, got int"):
        RectGrad(model).attribute(x, target=number)
    with pytest.raises(RuntimeError, match="15 target values for a batch of 3"):
        RectGrad(model).attribute(x, target=lambda r: r["logits"])
