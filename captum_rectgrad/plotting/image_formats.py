"""Image formats that Pillow reads with another package, or in newer versions only."""

import importlib
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

# Brands of ISO base media files (bytes 8 to 12): photographs of iPhones, and AVIF.
_HEIC = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_AVIF = {b"avif", b"avis"}
_POSTSCRIPT = {b"%!PS", b"\xc5\xd0\xd3\xc6"}
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
        return Image.open(file, formats=_formats())
    except UnidentifiedImageError:
        file.seek(0)
        start = file.read(12)
        file.seek(0)
        if start[:4] in _POSTSCRIPT:
            raise ValueError(
                "EPS is a program for a printer, which is not run; convert it to PNG"
            ) from None
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
        return Image.open(file, formats=["HEIF"])


def image_endings() -> set[str]:
    """Endings of image files, in lower case with the dot, of formats that can be read.

    HEIC is one of them even without a decoder, so that its files are not passed over in silence.
    """
    known = Image.registered_extensions().items()
    return {ending for ending, name in known if name in _formats()} | _HEIF_ENDINGS


def _formats() -> list[str]:
    """The formats that Pillow decodes itself: EPS is drawn by another program, Ghostscript."""
    Image.init()
    return [name for name in Image.OPEN if name != "EPS"]


def _register_heif() -> None:
    try:
        importlib.import_module("pillow_heif").register_heif_opener()
    except ImportError:
        raise ValueError(
            "HEIC is read by the package pillow-heif: pip install pillow-heif"
        ) from None
