"""Photographs: from a file, or three that come with scikit-image."""

from pathlib import Path

import skimage.data
from PIL import Image, ImageOps

# What a pixel of each mode that PIL cannot turn into RGB by itself is scaled to.
SIXTEEN_BIT = {"I", "I;16", "I;16L", "I;16B", "I;16N"}


def read_image(path: str | Path) -> Image.Image:
    """Read a photograph as it is meant to be seen.

    Args:
        path: a file of any format Pillow reads. Its orientation tag is obeyed, transparency is
            laid on white, 16-bit grey is scaled to 8 bits.

    Returns:
        An RGB image.

    Raises:
        ValueError: the file is missing, truncated or no image.
    """
    try:
        with Image.open(path) as file:
            image = ImageOps.exif_transpose(file)
            image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ValueError(
            f"cannot read {str(path)!r} as an image ({reason}); give a whole PNG, JPEG or other "
            "file that Pillow reads"
        ) from error
    if image.mode in SIXTEEN_BIT:
        return image.point(lambda value: value / 257).convert("L").convert("RGB")
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
