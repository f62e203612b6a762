"""Random crops and flips of the training images."""

from dataclasses import dataclass, replace

import torch
from torchvision.transforms import v2

from rectgrad_zoo.data.images import LabelledImages


@dataclass(frozen=True)
class Augmentation:
    """What is done to every training image before each epoch.

    Attributes:
        crop_padding: Width in pixels of the black border that is put around an image before a
            window of its own size is cut out at random; 0 for no crop.
        flip: Whether every second image, at random, is mirrored left to right.
    """

    crop_padding: int
    flip: bool


def augmented(data: LabelledImages, augmentation: Augmentation | None) -> LabelledImages:
    """Crop and flip every image on its own, drawing from PyTorch's global generator.

    Args:
        data: Images on the CPU.
        augmentation: The recipe's; `None` for none.

    Returns:
        The same labels, and new images of the same size if asked for.
    """
    if augmentation is None:
        return data
    size = data.images.shape[-2:]
    change = v2.Compose(
        [
            v2.RandomCrop(list(size), padding=augmentation.crop_padding),
            v2.RandomHorizontalFlip(0.5 if augmentation.flip else 0.0),
        ]
    )
    return replace(data, images=torch.stack([change(image) for image in data.images]))
