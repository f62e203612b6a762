"""Labelled images in memory: type, fingerprint, range and validation split."""

import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

CIFAR10_CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """Images and their classes.

    Attributes:
        images: Tensor of shape `(N, C, H, W)`, uint8 (0 to 255); 3 channels are RGB, 1 is grey.
        labels: Tensor of shape `(N,)`, int64.
    """

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def fingerprint(self) -> str:
        """SHA-256 (hexadecimal) of the pixels, row by row, channels last, and the labels."""
        digest = hashlib.sha256(self.images.permute(0, 2, 3, 1).contiguous().numpy().tobytes())
        digest.update(self.labels.numpy().astype("<i8").tobytes())
        return digest.hexdigest()


def to_model_range(images: Tensor) -> Tensor:
    """Scale pixels to the input range of this project's networks (appendix F.2).

    The operations and their order are those of timm's transform of these networks.

    Args:
        images: Tensor of shape `(N, C, H, W)`, uint8 (0 to 255).

    Returns:
        Tensor of the same shape, float32, in [-1, 1].

    Raises:
        TypeError: If the images are not uint8.
    """
    if images.dtype != torch.uint8:
        raise TypeError(f"Expected uint8 images (0 to 255), got {images.dtype}. Convert them.")
    return images.float().div_(255).sub_(0.5).div_(0.5)


def permutation(count: int, seed: int) -> Tensor:
    """A random permutation from the raw stream of NumPy's PCG64.

    The stream is the same in all versions of NumPy.

    Args:
        count: Number of elements, N.
        seed: Seed of the permutation.

    Returns:
        A permutation of 0 to N - 1, of shape `(N,)`, int64.
    """
    draws = np.random.PCG64(seed).random_raw(count)
    return torch.from_numpy(np.argsort(draws, kind="stable"))


def split_validation(
    data: LabelledImages, size: int, seed: int
) -> tuple[LabelledImages, LabelledImages]:
    """Split a random validation set off a training set.

    Args:
        data: N images.
        size: Number of validation images, from 0 to N - 1.
        seed: Seed of the split.

    Returns:
        The N - `size` training images and the `size` validation images.

    Raises:
        ValueError: If `size` is out of range.
    """
    if not 0 <= size < len(data):
        raise ValueError(
            f"validation_size must leave images to train on: expected 0 to {len(data) - 1}, "
            f"got {size}."
        )
    if not size:
        return data, LabelledImages(data.images[:0], data.labels[:0])
    order = permutation(len(data), seed)
    validation, train = order[:size], order[size:]
    return (
        LabelledImages(data.images[train], data.labels[train]),
        LabelledImages(data.images[validation], data.labels[validation]),
    )
