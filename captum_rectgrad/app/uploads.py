"""Uploaded photographs, with limits on bytes and pixels."""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from captum_rectgrad.plotting.images import read_image

MAX_BYTES = 20_000_000
# The decoded pixels take three bytes each: 150 MB, for one upload at a time.
MAX_PIXELS = 50_000_000


@dataclass(frozen=True, eq=False)
class Upload:
    """A photograph that a user has given.

    Attributes:
        image: RGB, upright.
        notes: sentences about what was left out.
    """

    image: Image.Image
    notes: tuple[str, ...] = ()


def read_upload(path: str | Path) -> Upload:
    """Read an uploaded file, with its size checked before it is decoded.

    Args:
        path: the uploaded file.

    Returns:
        The photograph; of an animation, the first frame.

    Raises:
        ValueError: the file is gone, too large, not an image, or damaged. The message does not
            contain the path on the server.
    """
    file = Path(path)
    if not file.is_file():
        raise ValueError("the photograph is no longer on the server; upload it again")
    size = file.stat().st_size
    if size > MAX_BYTES:
        raise ValueError(
            f"the photograph has {size / 1e6:.0f} MB; expected at most {MAX_BYTES / 1e6:.0f} MB"
        )
    frames = _checked_frames(file)
    try:
        image = read_image(file)
    except ValueError as error:
        raise ValueError(
            "the file cannot be decoded as an image; upload a complete PNG, JPEG or WebP file"
        ) from error
    notes = (f"The file has {frames} frames; the first one is explained.",) if frames > 1 else ()
    return Upload(image, notes)


def _checked_frames(file: Path) -> int:
    """The number of frames of an image whose header states an acceptable number of pixels."""
    before = Image.MAX_IMAGE_PIXELS
    # The check below has a smaller limit than Pillow's error, and a sentence of its own.
    Image.MAX_IMAGE_PIXELS = None
    try:
        with Image.open(file) as image:
            width, height = image.size
            frames: int = getattr(image, "n_frames", 1)
    # Decoders of damaged files raise errors of any type.
    except Exception as error:
        raise ValueError(
            "the file is not an image of a known format; upload a PNG, JPEG or WebP file"
        ) from error
    finally:
        Image.MAX_IMAGE_PIXELS = before
    if width * height > MAX_PIXELS:
        raise ValueError(
            f"the photograph has {width} x {height} pixels; expected at most "
            f"{MAX_PIXELS // 1_000_000} million pixels"
        )
    return frames
