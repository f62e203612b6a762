"""Uploaded photographs: only those, with limits on bytes and pixels."""

import math
from pathlib import Path

from PIL import Image

from captum_rectgrad.plotting.images import check_size, read_image

MAX_BYTES = 20_000_000
MAX_PIXELS = 50_000_000
# Without the formats that Pillow reads with another program, such as EPS.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")


def read_upload(path: str | Path, folder: str | Path) -> Image.Image:
    """Read an uploaded file; its size is checked before its pixels are decoded.

    Args:
        path: the file, as the browser names it: any path of the server, if the user is hostile.
        folder: the folder of uploads.

    Returns:
        An RGB image. Of an animation the first frame is read, with a warning.

    Raises:
        ValueError: the file is not in the folder, too large, too small, not an image, or damaged.
            The message contains the name of the file, but not its folder.
    """
    file = Path(path).resolve()
    if not (file.is_relative_to(Path(folder).resolve()) and file.is_file()):
        raise ValueError("the photograph is not among the uploads; upload it again")
    size = file.stat().st_size
    if size > MAX_BYTES:
        raise ValueError(
            f"{file.name!r} has {size / 1e6:.0f} MB; expected at most {MAX_BYTES / 1e6:.0f} MB"
        )
    if _number_of_pixels(file) > MAX_PIXELS:
        raise ValueError(
            f"{file.name!r} has more than {MAX_PIXELS // 10**6} million pixels; scale it down"
        )
    with file.open("rb") as opened:
        image = read_image(opened, file.name)
    check_size(image, file.name)
    return image


def _number_of_pixels(file: Path) -> float:
    """The number of pixels that the header of an image states."""
    try:
        with Image.open(file, formats=FORMATS) as image:
            return float(math.prod(image.size))
    except Image.DecompressionBombError:  # Pillow's own limit is higher
        return math.inf
    # Decoders of damaged files raise errors of any type.
    except Exception as error:
        raise ValueError(
            f"{file.name!r} is not an image of a known format; upload a PNG, JPEG, WebP, GIF, BMP "
            "or TIFF file"
        ) from error
