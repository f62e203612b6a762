"""Photographs from files or from scikit-image."""

import stat
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np
import skimage.data
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from captum_rectgrad.errors import RectGradWarning
from captum_rectgrad.plotting.image_formats import image_endings, open_image

# Modes of 16-bit greyscale, which Pillow's own conversion clips.
SIXTEEN_BIT = {"I", "I;16", "I;16L", "I;16B", "I;16N"}
MAX_BYTES = 10**9
MIN_SIDE = 8  # pixels
MAX_RATIO = 100  # a longer strip would be scaled to gigabytes


def read_image(file: str | Path | BinaryIO, name: str | None = None) -> Image.Image:
    """Read a photograph as RGB.

    Args:
        file: a file of any format that Pillow reads; HEIC with the package pillow-heif. Its
            orientation tag is applied, transparency is replaced by white, and 16-bit greyscale is
            scaled to 8 bits. Of an animation the first frame is read, with a warning.
        name: name of the file in messages; None: its path.

    Returns:
        An RGB image.

    Raises:
        ValueError: the file is missing, truncated, not an image, too large (a decompression bomb),
            or has floating point values.
    """
    name = str(file) if name is None else name
    try:
        with warnings.catch_warnings():
            # Pillow warns of half of the size that it refuses.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            if isinstance(file, str | Path):
                _check_regular(Path(file))
                with Path(file).open("rb") as opened:
                    image, frames = _decode(opened)
            else:
                image, frames = _decode(file)
    except Image.DecompressionBombError as error:
        millions = 2 * (Image.MAX_IMAGE_PIXELS or 0) // 10**6
        raise ValueError(
            f"cannot read {name!r} as an image: it has more than {millions} million pixels; scale "
            "it down"
        ) from error
    # Decoders of damaged files raise errors of any type: AVIF's raises RuntimeError.
    except Exception as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        if isinstance(error, UnidentifiedImageError):  # its text has the address of an object
            reason = "the format is not known"
        raise ValueError(
            f"cannot read {name!r} as an image ({reason}); give a complete PNG, JPEG or other "
            "file that Pillow reads"
        ) from error
    if frames > 1:
        warnings.warn(
            f"{name!r} has {frames} frames; the first frame is used", RectGradWarning, stacklevel=2
        )
    return as_rgb(image, name)


def as_rgb(image: Image.Image, name: str) -> Image.Image:
    """Convert an image of any mode to RGB.

    Args:
        image: the image. Transparency is replaced by white, and 16-bit greyscale is scaled to 8
            bits.
        name: its name in the message.

    Returns:
        An RGB image.

    Raises:
        ValueError: the image has floating point values.
    """
    if image.mode == "F":
        raise ValueError(
            f"{name!r} has floating point values of unknown range; convert the image to 8 bits"
        )
    if image.mode in SIXTEEN_BIT:
        pixels = np.asarray(image).clip(0, 65535) // 257
        return Image.fromarray(pixels.astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")


def _decode(file: BinaryIO) -> tuple[Image.Image, int]:
    """The image, turned upright, and the number of frames of an animation."""
    with open_image(file) as opened:
        # Cameras store a second picture of the same scene in a JPEG file (MPO).
        frames = 1 if opened.format == "MPO" else getattr(opened, "n_frames", 1)
        image = ImageOps.exif_transpose(opened)
        image.load()
        return image, frames


def _check_regular(file: Path) -> None:
    """Refuse pipes and devices, which may never end, and files that do not fit into the memory."""
    found = file.stat()
    if stat.S_ISDIR(found.st_mode):
        raise ValueError("it is a folder: list its files")
    if not stat.S_ISREG(found.st_mode):
        raise ValueError("it is a pipe or a device, not a regular file")
    if found.st_size > MAX_BYTES:
        raise ValueError(f"it has more than {MAX_BYTES // 10**6} MB")


def check_size(image: Image.Image, name: str) -> None:
    """Check that an image can be scaled to the input of a network.

    Args:
        image: the image.
        name: its name in the message.

    Raises:
        ValueError: a side has fewer than 8 pixels, or one side is more than 100 times the other.
    """
    short, long = sorted(image.size)
    size = f"{image.width} x {image.height} pixels"
    if short < MIN_SIDE:
        raise ValueError(f"{name!r} has {size}, expected at least {MIN_SIDE} on each side")
    if long > MAX_RATIO * short:
        raise ValueError(
            f"{name!r} has {size}; one side is more than {MAX_RATIO} times the other: crop it"
        )


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
    return {file.name: read_image(file) for file in folder_files(folder)}


def folder_files(folder: Path) -> list[Path]:
    """The image files of a folder, sorted by name.

    Args:
        folder: a folder; subfolders, hidden files and files with other endings are ignored.

    Returns:
        At least one path.

    Raises:
        ValueError: the folder does not exist, or has no picture.
    """
    if not folder.is_dir():
        raise ValueError(f"the folder {str(folder)!r} does not exist; give a folder of pictures")
    endings = image_endings()
    files = sorted(
        file
        for file in folder.iterdir()
        if file.suffix.lower() in endings and not file.name.startswith(".")
    )
    if not files:
        raise ValueError(f"the folder {str(folder)!r} has no pictures; add PNG or JPEG files")
    return files


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
