"""Files of MNIST's format (idx), as Fashion-MNIST is distributed by its authors."""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rectgrad_zoo.data.data_sets import Split
from rectgrad_zoo.data.parquet import MOST_ROWS
from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.input_files import open_regular

_PREFIXES: dict[Split, str] = {"train": "train", "test": "t10k"}
_UNSIGNED_BYTES = 0x08  # the type of the elements, in the third byte of a file


def idx_file_names(split: Split) -> tuple[str, str]:
    """Names of the files of images and of labels, without the suffix `.gz`."""
    prefix = _PREFIXES[split]
    return f"{prefix}-images-idx3-ubyte", f"{prefix}-labels-idx1-ubyte"


def has_idx_files(folder: Path, split: Split) -> bool:
    """Whether a folder has a file of a split, compressed by gzip or not."""
    return any(_found(folder, name) is not None for name in idx_file_names(split))


def read_idx_files(
    folder: Path, split: Split, size: tuple[int, int]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Read the images and labels of a split.

    Args:
        folder: Folder with `train-images-idx3-ubyte.gz` and `train-labels-idx1-ubyte.gz`, or
            `t10k-*` for the test images; also without `.gz`.
        split: `"train"` or `"test"`.
        size: Height and width of every image, in pixels.

    Returns:
        Images of shape `(N, H, W)`, 0 to 255, and labels of shape `(N,)`.

    Raises:
        ZooError: If a file is absent, damaged or larger than 100,000 images, the images have
            another size, or the numbers of images and labels differ.
    """
    images, labels = (
        _array(folder, name, shape)
        for name, shape in zip(idx_file_names(split), (size, ()), strict=True)
    )
    if len(images) != len(labels):
        raise ZooError(
            f"{folder} has {len(images):,} images and {len(labels):,} labels of the split {split}. "
            "Expected files of the same version of the data set."
        )
    return images, labels


def _found(folder: Path, name: str) -> Path | None:
    return next((file for file in (folder / f"{name}.gz", folder / name) if file.exists()), None)


def _array(folder: Path, name: str, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """An array of elements of a shape. The file has its type, its dimensions, then its bytes."""
    file = _found(folder, name)
    if file is None:
        raise ZooError(f"{folder} has no {name}.gz. Copy all files of the data set.")
    header = struct.Struct(f">HBB{1 + len(shape)}I")
    content = _content(file, header.size + MOST_ROWS * math.prod(shape))
    expected = (0, _UNSIGNED_BYTES, 1 + len(shape))
    found = header.unpack_from(content) if len(content) >= header.size else ()
    if found[:3] != expected or found[4:] != shape:
        elements = f"images of {shape[0]} x {shape[1]}" if shape else "labels"
        raise ZooError(
            f"{file} does not begin as an idx file of {elements}. Expected a file of the data set."
        )
    count = found[3]
    if len(content) != header.size + count * math.prod(shape):
        raise ZooError(
            f"{file} states {count:,} elements of shape {shape}, and has "
            f"{len(content) - header.size:,} bytes of them. The file is damaged; copy it again."
        )
    array: NDArray[np.uint8] = np.frombuffer(content, np.uint8, offset=header.size).copy()
    array.shape = (count, *shape)
    return array


def _content(file: Path, most_bytes: int) -> bytes:
    """The content without its compression. A small file may unpack to one of any size."""
    try:
        with open_regular(file, most_bytes) as opened:
            if file.suffix == ".gz":
                with gzip.GzipFile(fileobj=opened) as unpacked:
                    content = unpacked.read(most_bytes + 1)
            else:
                content = opened.read(most_bytes + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ZooError(f"{file} cannot be read ({error}). Copy it again.") from error
    if len(content) > most_bytes:
        raise ZooError(f"{file} unpacks to more than {most_bytes:,} bytes, expected at most that.")
    return content
