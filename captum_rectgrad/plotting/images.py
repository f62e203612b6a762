"""Photographs from files or from scikit-image."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import skimage.data
from numpy.typing import NDArray
from PIL import Image, ImageOps

# Modes of 16-bit greyscale, which Pillow's own conversion clips.
SIXTEEN_BIT = {"I", "I;16", "I;16L", "I;16B", "I;16N"}


def read_image(path: str | Path) -> Image.Image:
    """Read a photograph as RGB.

    Args:
        path: a file of any format that Pillow reads. Its orientation tag is applied, transparency
            is replaced by white, and 16-bit greyscale is scaled to 8 bits.

    Returns:
        An RGB image.

    Raises:
        ValueError: the file is missing, truncated, not an image, or has floating point values.
    """
    try:
        with Image.open(path) as file:
            image = ImageOps.exif_transpose(file)
            image.load()
    # Decoders of damaged files raise errors of any type: AVIF's raises RuntimeError.
    except Exception as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ValueError(
            f"cannot read {str(path)!r} as an image ({reason}); give a complete PNG, JPEG or other "
            "file that Pillow reads"
        ) from error
    if image.mode == "F":
        raise ValueError(
            f"{str(path)!r} has floating point values of unknown range; convert the image to 8 bits"
        )
    if image.mode in SIXTEEN_BIT:
        pixels = np.asarray(image).clip(0, 65535) // 257
        return Image.fromarray(pixels.astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")


def sample_images() -> dict[str, Image.Image]:
    """Three photographs from scikit-image: a cat, a cup of coffee, a rocket.

    Returns:
        RGB images by name; nothing is downloaded.
    """
    return {name: _bundled(name) for name in list(_BUNDLED)[:3]}


def photographs() -> dict[str, Image.Image]:
    """All photographs in scikit-image, without drawings, scans and synthetic images.

    Returns:
        15 RGB images by name, those of `sample_images` first; seven are greyscale. Nothing is
        downloaded.
    """
    return {name: _bundled(name) for name in _BUNDLED}


def folder_images(folder: Path) -> dict[str, Image.Image]:
    """All pictures in a folder, sorted by name.

    Args:
        folder: a folder; subfolders, hidden files and files with other endings are ignored.

    Returns:
        RGB images by file name; see `read_image`.

    Raises:
        ValueError: the folder does not exist, has no picture, or has one that cannot be read.
    """
    if not folder.is_dir():
        raise ValueError(f"the folder {str(folder)!r} does not exist; give a folder of pictures")
    endings = Image.registered_extensions()
    files = sorted(
        file
        for file in folder.iterdir()
        if file.suffix.lower() in endings and not file.name.startswith(".")
    )
    if not files:
        raise ValueError(f"the folder {str(folder)!r} has no pictures; add PNG or JPEG files")
    return {file.name: read_image(file) for file in files}


_BUNDLED: dict[str, Callable[[], NDArray[np.uint8]]] = {
    "chelsea": skimage.data.chelsea,
    "coffee": skimage.data.coffee,
    "rocket": skimage.data.rocket,
    "astronaut": skimage.data.astronaut,
    "motorcycle": lambda: skimage.data.stereo_motorcycle()[0],
    "retina": skimage.data.retina,
    "micrograph": skimage.data.immunohistochemistry,
    "galaxies": skimage.data.hubble_deep_field,
    "camera": skimage.data.camera,
    "coins": skimage.data.coins,
    "clock": skimage.data.clock,
    "moon": skimage.data.moon,
    "brick": skimage.data.brick,
    "grass": skimage.data.grass,
    "gravel": skimage.data.gravel,
}


def _bundled(name: str) -> Image.Image:
    return Image.fromarray(_BUNDLED[name]()).convert("RGB")
