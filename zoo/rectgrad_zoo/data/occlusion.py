"""Noise in the same corner of every image: the fixed patch of Kim et al. 2019, and its control."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from rectgrad_zoo.data.images import LabelledImages

FIXED, PER_IMAGE = "fixed", "per_image"


@dataclass(frozen=True)
class Occlusion:
    """A square of uniform noise in the upper left corner of every image.

    Attributes:
        size: Side of the square, in pixels.
        seed: Seed of the noise.
        kind: `fixed`, one patch for all images, as in the paper; or `per_image`, a patch of its own
            for each, drawn anew for every epoch of a training, so that it is of no use even for
            learning the training images by heart.
    """

    size: int
    seed: int
    kind: str = FIXED


def occlusion_patch(occlusion: Occlusion) -> Tensor:
    """Draw the fixed patch.

    Pixel values are uniform on the 256 levels of a picture, so that an occluded image can be saved
    as one. They are the highest 8 bits of each of the first `3 * size * size` numbers of NumPy's
    `PCG64(seed).random_raw()`, whose stream no version of NumPy changes.

    Args:
        occlusion: Size and seed.

    Returns:
        Tensor of shape `(3, size, size)`, uint8.

    Raises:
        ValueError: If the noise is not one patch for all images.
    """
    if occlusion.kind != FIXED:
        raise ValueError(
            f"This occlusion is of the kind {occlusion.kind!r}: there is no one patch for all "
            "images. occlusion_patches draws them, occlude puts them on."
        )
    return _noise(occlusion.seed, (3, occlusion.size, occlusion.size))


def occlusion_patches(occlusion: Occlusion, indices: Sequence[int], draw: int = 0) -> Tensor:
    """Draw the patch of each image.

    A patch of its own is made as `occlusion_patch` makes the fixed one, from the stream of
    `PCG64([seed, draw, 1])`: image `i` has the numbers from `3 * size * size * i` on. The 1 is
    there because without it the draw 0 would begin with the fixed patch of the same seed.

    Args:
        occlusion: Size, seed and kind.
        indices: Which image of its data set each one is, counted from 0.
        draw: 0 for the noise to measure with; the number of the epoch for the noise to train with.

    Returns:
        Tensor of shape `(len(indices), 3, size, size)`, uint8.
    """
    shape = (3, occlusion.size, occlusion.size)
    if occlusion.kind == FIXED:
        return occlusion_patch(occlusion).expand(len(indices), *shape)
    chosen = torch.as_tensor(indices, dtype=torch.int64)
    count = int(chosen.max()) + 1 if len(chosen) else 0
    return _noise([occlusion.seed, draw, 1], (count, *shape))[chosen]


def occlude(
    images: Tensor, occlusion: Occlusion, *, indices: Sequence[int] | None = None, draw: int = 0
) -> Tensor:
    """Replace the upper left corner of every image by noise.

    Args:
        images: Tensor of shape `(N, 3, H, W)`, uint8 (0 to 255).
        occlusion: Size, seed and kind of the noise.
        indices: Which image of its data set each one is; 0 to N - 1 by default. Only noise of the
            kind `per_image` depends on it.
        draw: As `occlusion_patches` takes it.

    Returns:
        A new tensor of the same shape and type.

    Raises:
        ValueError: If the images are not of that type and shape, or smaller than the patch.
    """
    size = occlusion.size
    if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] != 3:  # noqa: PLR2004
        raise ValueError(
            f"Expected uint8 images of shape (N, 3, H, W), got {images.dtype} of shape "
            f"{tuple(images.shape)}."
        )
    if min(images.shape[-2:]) < size:
        raise ValueError(
            f"The patch of {size} x {size} pixels does not fit into images of "
            f"{images.shape[-2]} x {images.shape[-1]}."
        )
    result = images.clone()
    patches = occlusion_patches(occlusion, range(len(images)) if indices is None else indices, draw)
    result[:, :, :size, :size] = patches.to(images.device)
    return result


def occluded(data: LabelledImages, occlusion: Occlusion | None, *, draw: int = 0) -> LabelledImages:
    """The data set as a recipe's network sees it.

    Args:
        data: Images and labels.
        occlusion: The recipe's; `None` for none.
        draw: As `occlusion_patches` takes it.

    Returns:
        The same labels, and the images with the noise if there is any.
    """
    if occlusion is None:
        return data
    return replace(data, images=occlude(data.images, occlusion, draw=draw))


def _noise(seed: int | list[int], shape: tuple[int, ...]) -> Tensor:
    raw = np.random.PCG64(seed).random_raw(shape)
    return torch.from_numpy((raw >> np.uint64(56)).astype(np.uint8))
