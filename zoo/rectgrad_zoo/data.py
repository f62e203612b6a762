"""CIFAR-10 from a folder of parquet files, as the Hub data set `uoft-cs/cifar10` lays it out."""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from rectgrad_zoo.errors import ZooError

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
IMAGE_SIZE = (32, 32)

Split = Literal["train", "test"]


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


def read_cifar10(folder: Path, split: Split) -> LabelledImages:
    """Read one split of CIFAR-10.

    Args:
        folder: Folder with `plain_text/train-*.parquet` and `plain_text/test-*.parquet`, whose rows
            are `img` (`bytes` of an image file, `path`) and `label` (0 to 9).
        split: `"train"` or `"test"`.

    Returns:
        The images, decoded, in the order of the files.

    Raises:
        ZooError: If the files are absent or not of that layout, or pyarrow is not installed.
    """
    files = sorted((folder / "plain_text").glob(f"{split}-*.parquet"))
    if not files:
        raise ZooError(
            f"No {folder}/plain_text/{split}-*.parquet. Give the folder of a copy of the Hub data "
            "set uoft-cs/cifar10, in parquet files as the Hub has it."
        )
    parquet = _import_parquet()
    images: list[NDArray[np.uint8]] = []
    labels: list[int] = []
    for file in files:
        try:
            table = parquet.read_table(file)
        except (OSError, ValueError) as error:  # pyarrow's own errors are subclasses of these
            raise ZooError(f"{file} is not a parquet file that can be read: {error}") from error
        missing = {"img", "label"} - set(table.column_names)
        if missing:
            raise ZooError(
                f"{file} has the columns {table.column_names}, expected img (bytes, path) and "
                f"label; missing: {sorted(missing)}."
            )
        cells = table.column("img").to_pylist()
        images += [_decode(cell["bytes"], f"{file}, row {i}") for i, cell in enumerate(cells)]
        labels += table.column("label").to_pylist()
    wrong = sorted(set(labels) - set(range(len(CIFAR10_CLASSES))))
    if wrong or not labels:
        raise ZooError(f"{folder}: expected labels from 0 to 9, got {wrong or 'no rows'}.")
    return LabelledImages(
        images=torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous(),
        labels=torch.tensor(labels, dtype=torch.int64),
    )


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


def split_validation(
    data: LabelledImages, size: int, seed: int
) -> tuple[LabelledImages, LabelledImages]:
    """Set part of a training set aside, at random.

    The choice comes from the raw stream of NumPy's PCG64, which no version of NumPy changes.

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
    draws = np.random.PCG64(seed).random_raw(len(data))
    order = torch.from_numpy(np.argsort(draws, kind="stable"))
    validation, train = order[:size], order[size:]
    return (
        LabelledImages(data.images[train], data.labels[train]),
        LabelledImages(data.images[validation], data.labels[validation]),
    )


def _import_parquet() -> ModuleType:
    try:
        import pyarrow.parquet  # noqa: PLC0415 (an extra: only training and measuring need it)
    except ImportError as error:
        raise ZooError(
            "Reading parquet files needs pyarrow: pip install 'captum-rectgrad[studies]'"
        ) from error
    module: ModuleType = pyarrow.parquet
    return module


def _decode(encoded: bytes, where: str) -> NDArray[np.uint8]:
    try:
        with Image.open(io.BytesIO(encoded)) as image:
            pixels = np.asarray(image.convert("RGB"))
    except (UnidentifiedImageError, OSError) as error:
        raise ZooError(
            f"{where}: expected an image file, got {len(encoded)} bytes of not one."
        ) from error
    if pixels.shape != (*IMAGE_SIZE, 3):
        raise ZooError(f"{where}: expected an image of 32 x 32, got {pixels.shape[:2]}.")
    return pixels
