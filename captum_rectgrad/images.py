"""Photographs: from a file, or three that come with scikit-image."""

from pathlib import Path

import numpy as np
import skimage.data
from PIL import Image, ImageOps

# Modes of 16-bit grey, which Pillow's own conversion clips.
SIXTEEN_BIT = {"I", "I;16", "I;16L", "I;16B", "I;16N"}


def read_image(path: str | Path) -> Image.Image:
    """Read a photograph as it is meant to be seen.

    Args:
        path: a file of any format Pillow reads. Its orientation tag is obeyed, transparency is
            laid on white, 16-bit grey is scaled to 8 bits.

    Returns:
        An RGB image.

    Raises:
        ValueError: the file is missing, truncated, no image, or one of floating point numbers.
    """
    try:
        with Image.open(path) as file:
            image = ImageOps.exif_transpose(file)
            image.load()
    # Decoders of damaged files raise what they like: AVIF's, a RuntimeError.
    except Exception as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ValueError(
            f"cannot read {str(path)!r} as an image ({reason}); give a whole PNG, JPEG or other "
            "file that Pillow reads"
        ) from error
    if image.mode == "F":
        raise ValueError(
            f"the brightness of {str(path)!r} is in floating point numbers of unknown range; "
            "convert it to 8 bits"
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
    """Three photographs that scikit-image carries: a cat, a cup of coffee, a rocket.

    Returns:
        RGB images by name; nothing is downloaded.
    """
    pictures = {
        "chelsea": skimage.data.chelsea(),
        "coffee": skimage.data.coffee(),
        "rocket": skimage.data.rocket(),
    }
    return {name: Image.fromarray(pixels).convert("RGB") for name, pixels in pictures.items()}
