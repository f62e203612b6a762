"""Labelled images in memory: their type, their fingerprint, their range, their split."""

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
        images: Tensor of shape `(N, 3, H, W)`, uint8 (0 to 255), RGB.
        labels: Tensor of shape `(N,)`, int64.
    """

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def fingerprint(self) -> str:
        """SHA-256 (hexadecimal) of the decoded pixels, row by row in RGB, and of the labels."""
        digest = hashlib.sha256(self.images.permute(0, 2, 3, 1).contiguous().numpy().tobytes())
        digest.update(self.labels.numpy().astype("<i8").tobytes())
        return digest.hexdigest()


def to_model_range(images: Tensor) -> Tensor:
    """Turn pixels into what the CIFAR-10 networks expect (appendix F.2).

    The same operations, in the same order, as timm's transform of these networks.

    Args:
        images: Tensor of shape `(N, 3, H, W)`, uint8 (0 to 255).

    Returns:
        Tensor of the same shape, float32, in [-1, 1].

    Raises:
        TypeError: If the images are not uint8.
    """
    if images.dtype != torch.uint8:
        raise TypeError(f"Expected uint8 images (0 to 255), got {images.dtype}.")
    return images.float().div_(255).sub_(0.5).div_(0.5)


def permutation(count: int, seed: int) -> Tensor:
    """A random order, from the raw stream of NumPy's PCG64, which no version of NumPy changes.

    Args:
        count: Number of things, N.
        seed: Seed of the order.

    Returns:
        The numbers 0 to N - 1, of shape `(N,)`, int64.
    """
    draws = np.random.PCG64(seed).random_raw(count)
    return torch.from_numpy(np.argsort(draws, kind="stable"))


def split_validation(
    data: LabelledImages, size: int, seed: int
) -> tuple[LabelledImages, LabelledImages]:
    """Set part of a training set aside, at random.

    Args:
        data: N images.
        size: Number of images to set aside, from 1 to N - 1.
        seed: Seed of the choice.

    Returns:
        The N - `size` images to train on and the `size` images to validate on.

    Raises:
        ValueError: If `size` is out of range.
    """
    if not 0 < size < len(data):
        raise ValueError(
            f"The validation split must leave images to train on: expected 1 to {len(data) - 1}, "
            f"got {size}."
        )
    order = permutation(len(data), seed)
    validation, train = order[:size], order[size:]
    return (
        LabelledImages(data.images[train], data.labels[train]),
        LabelledImages(data.images[validation], data.labels[validation]),
    )
