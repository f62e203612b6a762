"""Image formats that Pillow reads with another package, or in newer versions only."""

import importlib
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

# Brands of ISO base media files (bytes 8 to 12): photographs of iPhones, and AVIF.
_HEIC = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_AVIF = {b"avif", b"avis"}
_HEIF_ENDINGS = {".heic", ".heif"}


def open_image(file: BinaryIO) -> Image.Image:
    """Open an image; HEIC is read by the package pillow-heif if it is installed.

    Args:
        file: a file at its start, opened for reading in binary mode.

    Returns:
        The image; its pixels are not decoded yet.

    Raises:
        ValueError: the format needs a package that is not installed; the message names it.
        UnidentifiedImageError: no decoder knows the format.
    """
    try:
        return Image.open(file)
    except UnidentifiedImageError:
        file.seek(0)
        start = file.read(12)
        file.seek(0)
        if start[4:8] != b"ftyp":
            raise
        if start[8:] in _AVIF:
            raise ValueError(
                "this Pillow does not read AVIF; install version 11.3 or newer: "
                "pip install --upgrade pillow"
            ) from None
        if start[8:] not in _HEIC:
            raise
        _register_heif()
        return Image.open(file)


def image_endings() -> set[str]:
    """Endings of image files, in lower case with the dot, of formats that can be read.

    HEIC is one of them even without a decoder, so that its files are not passed over in silence.
    """
    known = Image.registered_extensions().items()
    return {ending for ending, name in known if name in Image.OPEN} | _HEIF_ENDINGS


def _register_heif() -> None:
    try:
        importlib.import_module("pillow_heif").register_heif_opener()
    except ImportError:
        raise ValueError(
            "HEIC is read by the package pillow-heif: pip install pillow-heif"
        ) from None
