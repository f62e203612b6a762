"""Image files: decoding, and folders with one subfolder per class."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torchvision.datasets import DatasetFolder
from torchvision.datasets.folder import IMG_EXTENSIONS

from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.input_files import read_regular

_MOST_PICTURE_BYTES = 2**20  # CIFAR-10's images have 3 kB each
# Those of torchvision's folders. Pillow would hand EPS to another program.
_FORMATS = ("BMP", "JPEG", "PNG", "PPM", "TIFF", "WEBP")


class _Pictures(DatasetFolder):  # type: ignore[misc]
    """Pictures in one folder per class, without hidden folders."""

    def find_classes(self, directory: str | Path) -> tuple[list[str], dict[str, int]]:
        """Sorted names of the folders, and their indices."""
        classes, _ = super().find_classes(directory)
        shown = [name for name in classes if not name.startswith(".")]
        return shown, {name: index for index, name in enumerate(shown)}


def picture_rows(folder: Path, classes: Sequence[str]) -> Iterator[tuple[bytes, int, str]]:
    """Read the image files of a folder with one subfolder per class.

    Args:
        folder: The folder. Hidden subfolders are ignored.
        classes: Names of the subfolders, in alphabetical order, which is the order of the labels.

    Yields:
        The content of an image file, its label and its path, class by class.

    Raises:
        ZooError: If the folder has other subfolders, no image files, or a file cannot be read.
    """
    try:
        found = _Pictures(str(folder), loader=str, extensions=IMG_EXTENSIONS)
    except FileNotFoundError as error:
        raise ZooError(
            f"{folder}: expected one folder of pictures per class, found none ({error})."
        ) from error
    if found.classes != list(classes):
        raise ZooError(f"{folder} has the folders {found.classes}, expected {list(classes)}.")
    for path, label in found.samples:
        yield read_regular(path), label, path


def decode_image(
    encoded: object, where: str, mode: Literal["RGB", "L"], size: tuple[int, int]
) -> NDArray[np.uint8]:
    """Decode an image file of a given size.

    Args:
        encoded: Content of the file, as bytes.
        where: Location of the image, for errors.
        mode: `RGB`, or `L` for grey levels.
        size: Expected height and width, in pixels.

    Returns:
        Array of shape `(H, W, 3)`, or `(H, W)` for grey levels, 0 to 255.

    Raises:
        ZooError: If the content is not an image file or has another size.
    """
    if not isinstance(encoded, bytes):
        raise ZooError(f"{where}: expected an image file, got {encoded!r:.80}.")
    if len(encoded) > _MOST_PICTURE_BYTES:
        raise ZooError(
            f"{where}: expected an image file of at most {_MOST_PICTURE_BYTES:,} bytes, got "
            f"{len(encoded):,}."
        )
    try:
        with Image.open(io.BytesIO(encoded), formats=_FORMATS) as image:
            found = image.size[::-1]  # checked before the pixels are decoded
            if found == size:
                return np.asarray(image.convert(mode))
    # Pillow may raise anything for arbitrary bytes.
    except Exception as error:
        raise ZooError(
            f"{where}: expected an image file of {size[0]} x {size[1]} pixels, got {len(encoded)} "
            f"bytes that cannot be decoded ({type(error).__name__})."
        ) from error
    raise ZooError(f"{where}: expected an image of {size[0]} x {size[1]}, got {found}.")
