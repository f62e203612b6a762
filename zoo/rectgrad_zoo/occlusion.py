"""The fixed random patch of Kim et al. 2019: the same corner of every image replaced by noise."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from rectgrad_zoo.data import LabelledImages


@dataclass(frozen=True)
class Occlusion:
    """One square patch of uniform noise, the same in every image.

    Attributes:
        size: Side of the square in the upper left corner, in pixels.
        seed: Seed of the noise.
    """

    size: int
    seed: int


def occlusion_patch(occlusion: Occlusion) -> Tensor:
    """Draw the patch.

    Pixel values are uniform on the 256 levels of a picture, so that an occluded image can be saved
    as one. They are the highest 8 bits of each of the first `3 * size * size` numbers of NumPy's
    `PCG64(seed).random_raw()`, whose stream no version of NumPy changes.

    Args:
        occlusion: Size and seed.

    Returns:
        Tensor of shape `(3, size, size)`, uint8.
    """
    shape = (3, occlusion.size, occlusion.size)
    raw = np.random.PCG64(occlusion.seed).random_raw(shape)
    return torch.from_numpy((raw >> np.uint64(56)).astype(np.uint8))


def occlude(images: Tensor, occlusion: Occlusion) -> Tensor:
    """Replace the upper left corner of every image by the patch.

    Args:
        images: Tensor of shape `(N, 3, H, W)`, uint8 (0 to 255).
        occlusion: Size and seed of the patch.

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
    result[:, :, :size, :size] = occlusion_patch(occlusion).to(images.device)
    return result


def occluded(data: LabelledImages, occlusion: Occlusion | None) -> LabelledImages:
    """The data set as a recipe's network sees it.

    Args:
        data: Images and labels.
        occlusion: The recipe's patch; `None` for none.

    Returns:
        The same labels, and the images with the patch if there is one.
    """
    return data if occlusion is None else replace(data, images=occlude(data.images, occlusion))
