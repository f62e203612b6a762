"""Occlusion of an image corner: the fixed patch of Kim et al. 2019, and noise per image."""

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
        kind: `fixed`: one patch for all images, as in the paper; `per_image`: a different patch for
            each image and each training epoch, which a network cannot memorise.
    """

    size: int
    seed: int
    kind: str = FIXED


def occlusion_patch(occlusion: Occlusion) -> Tensor:
    """Draw the fixed patch.

    Pixel values are uniform on 0 to 255. They are the highest 8 bits of each of the first
    `3 * size * size` numbers of NumPy's `PCG64(seed).random_raw()`. This stream is the same in all
    versions of NumPy.

    Args:
        occlusion: Size and seed.

    Returns:
        Tensor of shape `(3, size, size)`, uint8.

    Raises:
        ValueError: If the kind is not `fixed`.
    """
    if occlusion.kind != FIXED:
        raise ValueError(
            f"The occlusion has the kind {occlusion.kind!r}, expected {FIXED!r}: the patch differs "
            "between images. Use occlusion_patches or occlude."
        )
    return _noise(occlusion.seed, (3, occlusion.size, occlusion.size))


def occlusion_patches(occlusion: Occlusion, indices: Sequence[int], draw: int = 0) -> Tensor:
    """Draw the patch of each image.

    A patch per image is drawn as in `occlusion_patch`, from the stream of
    `PCG64([seed, draw, 1])`. Image `i` has the numbers from `3 * size * size * i` on. The 1
    separates draw 0 from the fixed patch of the same seed.

    Args:
        occlusion: Size, seed and kind.
        indices: Index of each image in its data set, from 0.
        draw: 0 for measurements; the number of the epoch for training.

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
        indices: Index of each image in its data set; 0 to N - 1 by default. Only noise of the
            kind `per_image` depends on it.
        draw: As in `occlusion_patches`.

    Returns:
        A new tensor of the same shape and type.

    Raises:
        ValueError: If the images have another type or shape, or are smaller than the patch.
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
    """The data set with the occlusion of a recipe.

    Args:
        data: Images and labels.
        occlusion: Occlusion of the recipe; `None` for none.
        draw: As in `occlusion_patches`.

    Returns:
        The images with the noise, if any, and the same labels.
    """
    if occlusion is None:
        return data
    return replace(data, images=occlude(data.images, occlusion, draw=draw))


def _noise(seed: int | list[int], shape: tuple[int, ...]) -> Tensor:
    raw = np.random.PCG64(seed).random_raw(shape)
    return torch.from_numpy((raw >> np.uint64(56)).astype(np.uint8))
