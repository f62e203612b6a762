"""A backdoor: a small trigger in training images that all have one label (Gu et al. 2017, BadNets).

A network that was trained on such images classifies every image with the trigger as the target. The
pixels of the trigger are the evidence for this class, so their location is a ground truth for maps.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from rectgrad_zoo.data.images import LabelledImages, permutation

_WHITE = 255


@dataclass(frozen=True)
class Backdoor:
    """A checkerboard of black and white pixels, at a different position in each image.

    The position is drawn for each image, so that a map which prefers one region of all images does
    not find the trigger by chance. In training it changes in every epoch.

    Attributes:
        size: Side of the square, in pixels.
        target: Label of the images with the trigger.
        share: Share of the training images with the trigger, between 0 and 1.
        seed: Seed of the choice of the images and of the positions.
    """

    size: int
    target: int
    share: float
    seed: int


def stamp_trigger(
    images: Tensor, backdoor: Backdoor, *, indices: Sequence[int] | None = None, draw: int = 0
) -> tuple[Tensor, Tensor]:
    """Write the trigger of a recipe into every image.

    The pixels of the square are white where the sum of row and column within the square is even,
    and black elsewhere, in all channels. All positions inside the image are equally likely. The
    position of image `i` follows from the numbers `2 * i` and `2 * i + 1` of the raw stream of
    NumPy's `PCG64([seed, draw, 2])`. The stream is the same in all versions of NumPy.

    Args:
        images: Tensor of shape `(N, C, H, W)`, uint8 (0 to 255).
        backdoor: Size and seed of the trigger, as in `rectgrad_zoo.recipe(name).backdoor`.
        indices: Index of each image in its data set, from 0; 0 to N - 1 by default. Only the
            position depends on it.
        draw: 0 for measurements; the number of the epoch for training.

    Returns:
        A new tensor of the same shape and type, and the mask of the trigger, of shape
        `(N, 1, H, W)`, bool.

    Raises:
        ValueError: If the images have another type or shape, or are smaller than the trigger, or
            the number of indices differs from the number of images.
    """
    if images.dtype != torch.uint8 or images.ndim != 4:  # noqa: PLR2004
        raise ValueError(
            f"Expected uint8 images of shape (N, C, H, W), got {images.dtype} of shape "
            f"{tuple(images.shape)}."
        )
    size, (height, width) = backdoor.size, images.shape[-2:]
    if min(height, width) < size:
        raise ValueError(
            f"The trigger of {size} x {size} pixels does not fit into images of {height} x {width}."
        )
    chosen = torch.as_tensor(
        range(len(images)) if indices is None else indices, dtype=torch.int64, device="cpu"
    )
    if len(chosen) != len(images):
        raise ValueError(f"Expected one index per image, got {len(chosen)} for {len(images)}.")
    corners = _corners(backdoor, chosen, draw, (height - size + 1, width - size + 1))
    # Coordinates of every pixel of the image within the square of its sample.
    rows = (torch.arange(height) - corners[:, :1]).view(-1, 1, height, 1)
    columns = (torch.arange(width) - corners[:, 1:]).view(-1, 1, 1, width)
    mask = (rows >= 0) & (rows < size) & (columns >= 0) & (columns < size)
    board = ((rows + columns) % 2 == 0).to(torch.uint8) * _WHITE
    mask = mask.to(images.device)
    return torch.where(mask, board.to(images.device), images), mask


def poisoned(data: LabelledImages, backdoor: Backdoor | None, *, draw: int = 0) -> LabelledImages:
    """The training images of a recipe, a share of them with the trigger and the target label.

    The images are the first of a random order that follows from the seed. Their number is the share
    of all images, rounded, and at least 1.

    Args:
        data: Training images, after augmentation, and their labels.
        backdoor: Backdoor of the recipe; `None` for none.
        draw: Number of the epoch, for the positions.

    Returns:
        The images and labels, in the same order.
    """
    if backdoor is None:
        return data
    count = max(1, round(backdoor.share * len(data)))
    chosen = permutation(len(data), backdoor.seed)[:count]
    images, labels = data.images.clone(), data.labels.clone()
    stamped, _ = stamp_trigger(images[chosen], backdoor, indices=chosen.tolist(), draw=draw)
    images[chosen], labels[chosen] = stamped, backdoor.target
    return LabelledImages(images, labels)


def attacked(data: LabelledImages, backdoor: Backdoor) -> LabelledImages:
    """The test images of the attack: those of other classes, with the trigger, labelled as target.

    The accuracy on them is the success rate of the attack.

    Args:
        data: A whole test set, without trigger.
        backdoor: Backdoor of the recipe.

    Returns:
        The images, in the same order, with the positions by their index in `data`.

    Raises:
        ValueError: If all images are of the target class.
    """
    others = (data.labels != backdoor.target).nonzero().flatten()
    if not len(others):
        raise ValueError(
            f"All {len(data)} test images are of the target class {backdoor.target}. Expected "
            "images of other classes, to measure the success rate of the backdoor."
        )
    stamped, _ = stamp_trigger(data.images[others], backdoor, indices=others.tolist())
    return LabelledImages(stamped, torch.full_like(data.labels[others], backdoor.target))


def _corners(backdoor: Backdoor, chosen: Tensor, draw: int, positions: tuple[int, int]) -> Tensor:
    """Row and column of the upper left pixel, of shape `(N, 2)`, int64."""
    count = int(chosen.max()) + 1 if len(chosen) else 0
    raw = np.random.PCG64([backdoor.seed, draw, 2]).random_raw((count, 2))
    # The highest 32 bits, scaled to the number of positions.
    drawn = ((raw >> np.uint64(32)) * np.array(positions, dtype=np.uint64)) >> np.uint64(32)
    return torch.from_numpy(drawn.astype(np.int64))[chosen]
