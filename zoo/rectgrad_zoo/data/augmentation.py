"""Random crops and flips of the training images."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

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

    The result is that of torchvision's `v2.RandomCrop` and `v2.RandomHorizontalFlip`, applied to
    one image after the other. Here the numbers are drawn in the same order, and the pixels of all
    images are moved together, which is faster.

    Args:
        data: Images on the CPU.
        augmentation: Augmentation of the recipe; `None` for none.

    Returns:
        The augmented images, of the same size, with the same labels.
    """
    if augmentation is None:
        return data
    border, (height, width) = augmentation.crop_padding, data.images.shape[-2:]
    tops, lefts, flips = _draws(len(data), augmentation)
    # Row and column of the source of every pixel, in the bordered image.
    rows = tops.view(-1, 1, 1) + torch.arange(height).view(1, -1, 1)
    columns = torch.arange(width).expand(len(data), 1, width)
    columns = torch.where(flips.view(-1, 1, 1) == 1, width - 1 - columns, columns)
    columns = columns + lefts.view(-1, 1, 1)
    bordered = nn.functional.pad(data.images, [border] * 4).permute(0, 2, 3, 1)
    each = torch.arange(len(data)).view(-1, 1, 1)
    return replace(data, images=bordered[each, rows, columns].permute(0, 3, 1, 2).contiguous())


def _draws(count: int, augmentation: Augmentation) -> Tensor:
    """Offsets of the crops in rows and columns, and 1 for a flip: of shape `(3, N)`, int64."""
    offsets = 2 * augmentation.crop_padding + 1
    chance = 0.5 if augmentation.flip else 0.0
    drawn = []
    for _ in range(count):
        corner = (0, 0)
        if augmentation.crop_padding:
            corner = int(torch.randint(offsets, ())), int(torch.randint(offsets, ()))
        drawn.append((*corner, int(float(torch.rand(1)) < chance)))
    return torch.tensor(drawn, dtype=torch.int64).reshape(count, 3).T
