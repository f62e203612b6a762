"""Uploaded photographs: only those, with limits on bytes and pixels."""

import math
import stat
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from captum_rectgrad.plotting.images import check_size, read_image

MAX_BYTES = 20_000_000
MAX_TOTAL_BYTES = 1_000_000_000  # of all uploads and downloads that are kept
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
    with file.open("rb") as opened:
        if _number_of_pixels(opened, file.name) > MAX_PIXELS:
            raise ValueError(
                f"{file.name!r} has more than {MAX_PIXELS // 10**6} million pixels; scale it down"
            )
        opened.seek(0)
        image = read_image(opened, file.name)
    check_size(image, file.name)
    return image


def remove_oldest(folder: Path, most_bytes: int) -> None:
    """Remove the oldest files of a folder and its subfolders until the others fit a limit.

    Args:
        folder: the folder of uploads.
        most_bytes: largest size of all files together, in bytes.
    """
    found: list[tuple[float, int, Path]] = []
    for file in folder.rglob("*"):
        with suppress(OSError):  # the server removes files, too
            about = file.lstat()
            if stat.S_ISREG(about.st_mode):
                found.append((about.st_mtime, about.st_size, file))
    excess = sum(size for _, size, _ in found) - most_bytes
    for _, size, file in sorted(found):
        if excess <= 0:
            return
        with suppress(OSError):
            file.unlink()
        excess -= size


def _number_of_pixels(file: BinaryIO, name: str) -> float:
    """The number of pixels that the header of an image states."""
    try:
        with Image.open(file, formats=FORMATS) as image:
            return float(math.prod(image.size))
    except Image.DecompressionBombError:  # Pillow's own limit is higher
        return math.inf
    # Decoders of damaged files raise errors of any type.
    except Exception as error:
        raise ValueError(
            f"{name!r} is not an image of a known format; upload a PNG, JPEG, WebP, GIF, BMP "
            "or TIFF file"
        ) from error
