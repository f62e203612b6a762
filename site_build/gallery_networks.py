"""Networks of the gallery, trained in seconds on faces of scikit-image and on generated shapes."""

import numpy as np
import skimage.data
import torch
from PIL import Image
from timm.models import VisionTransformer
from torch import Tensor, nn
from torch.nn import functional as F

import rectgrad_zoo
from captum_rectgrad.studies.data.shapes import shapes

FACES = 100  # of the 200 images of `lfw_subset`; the others are no faces
LABELS = ["face", "no face"]


def fit(model: nn.Module, x: Tensor, y: Tensor, *, epochs: int, rate: float) -> None:
    """Train with AdamW and a decreasing learning rate, and set eval mode."""
    torch.manual_seed(0)
    optimizer = torch.optim.AdamW(model.parameters(), rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    model.train()
    for _ in range(epochs):
        for batch in torch.split(torch.randperm(len(x)), 20):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x[batch]), y[batch])
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        schedule.step()
    model.eval()


def faces() -> tuple[list[Image.Image], Tensor]:
    """The 200 grey images of 25 x 25 pixels of scikit-image, and their classes."""
    pixels = (skimage.data.lfw_subset() * 255).astype(np.uint8)
    return [Image.fromarray(each) for each in pixels], (torch.arange(len(pixels)) >= FACES).long()


def small_input(photo: Image.Image) -> Tensor:
    """Transform of the vision transformer: `(1, 25, 25)` in [-1, 1]."""
    grey = np.asarray(photo.convert("L").resize((25, 25)), dtype=np.float32)
    return torch.from_numpy(grey)[None] / 127.5 - 1


def vision_transformer(training: list[Image.Image], classes: Tensor) -> nn.Module:
    """A transformer of timm with three blocks and patches of 5 x 5 pixels."""
    torch.manual_seed(0)
    model = VisionTransformer(
        img_size=25,
        patch_size=5,
        in_chans=1,
        num_classes=len(LABELS),
        embed_dim=64,
        depth=3,
        num_heads=4,
    )
    x = torch.stack([small_input(each) for each in training])
    x, classes = torch.cat([x, x.flip(-1)]), classes.repeat(2)
    fit(model, x, classes, epochs=25, rate=1e-3)
    return model


def fine_tuned(training: list[Image.Image], classes: Tensor) -> nn.Module:
    """`tf_efficientnet_lite0` with a new last layer; the others keep their ImageNet weights."""
    model = rectgrad_zoo.load("tf_efficientnet_lite0")
    transform = rectgrad_zoo.transform(model)
    x = torch.stack([transform(each.convert("RGB")) for each in training])
    with torch.no_grad():
        features = torch.cat([_features(model, batch) for batch in torch.split(x, 20)])
    model.reset_classifier(len(LABELS))  # type: ignore[operator]
    fit(model.get_submodule("classifier"), features, classes, epochs=30, rate=1e-2)
    return model.eval()


def _features(model: nn.Module, x: Tensor) -> Tensor:
    found: Tensor = model.forward_head(model.forward_features(x), pre_logits=True)  # type: ignore[operator]
    return found


def _convolution(before: int, after: int) -> nn.Sequential:
    conv = nn.Conv2d(before, after, 5, padding=2)
    return nn.Sequential(conv, nn.BatchNorm2d(after), nn.ReLU())


class Segmentation(nn.Module):
    """A small U-Net: background and shape."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = _convolution(3, 16)
        self.second = _convolution(16, 32)
        self.third = _convolution(48, 16)
        self.last = nn.Conv2d(16, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        """From `(N, 3, 32, 32)` to the logits `(N, 2, 32, 32)`."""
        fine = self.first(x)
        coarse = F.interpolate(self.second(F.max_pool2d(fine, 4)), scale_factor=4)
        logits: Tensor = self.last(self.third(torch.cat([fine, coarse], dim=1)))
        return logits


def segmentation() -> nn.Module:
    """The U-Net, trained on generated shapes."""
    model, learnt = Segmentation(), shapes(2000, seed=1)
    fit(model, learnt.images / 127.5 - 1, learnt.masks.long(), epochs=6, rate=4e-3)
    return model
