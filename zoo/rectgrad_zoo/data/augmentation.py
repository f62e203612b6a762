"""Random crops and flips of the training images."""

from dataclasses import dataclass, replace

import torch
from torchvision.transforms import v2

from rectgrad_zoo.data.images import LabelledImages


@dataclass(frozen=True)
class Augmentation:
    """Random changes of every training image before each epoch.

    Attributes:
        crop_padding: Width in pixels of the black border that is added before a random crop of the
            original size; 0 for no crop.
        flip: Whether images are mirrored left to right with probability 0.5.
    """

    crop_padding: int
    flip: bool


def augmented(data: LabelledImages, augmentation: Augmentation | None) -> LabelledImages:
    """Crop and flip every image independently, with PyTorch's global generator.

    Args:
        data: Images on the CPU.
        augmentation: Augmentation of the recipe; `None` for none.

    Returns:
        The augmented images, of the same size, with the same labels.
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
