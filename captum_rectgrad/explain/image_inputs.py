"""Images as users have them: files, PIL images, arrays and tensors."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from captum_rectgrad.plotting.images import as_rgb, check_size, read_image

# A tensor (C, H, W) is preprocessed already; an array is (H, W) or (H, W, 3).
ImageInput = str | Path | Image.Image | NDArray[Any] | Tensor
_GREY, _COLOUR = 2, 3  # dimensions of an array


def as_image(image: ImageInput) -> Image.Image | Tensor:
    """An image for `explain`.

    Args:
        image: a path, a PIL image, an array `(H, W)` or `(H, W, 3)`, uint8 or floating point in
            [0, 1], or a tensor `(C, H, W)`.

    Returns:
        An upright RGB image; a tensor is returned as it is.

    Raises:
        ValueError: the file cannot be read, the image is too small, or the array has another shape
            or range.
        TypeError: the image has another type.
    """
    if isinstance(image, Tensor):
        return image
    if isinstance(image, str) and image.startswith(("http://", "https://")):
        raise ValueError(f"got the URL {image!r}, expected a file; download it and give its path")
    if isinstance(image, str | Path):
        found = read_image(image)
    elif isinstance(image, Image.Image):
        found = as_rgb(ImageOps.exif_transpose(image), "the image")
    elif isinstance(image, np.ndarray):
        found = _of_array(image)
    else:
        raise TypeError(
            f"got an image of type {type(image).__name__}, expected a path, a PIL image, a NumPy "
            "array, a tensor (C, H, W), or a list or dict of these"
        )
    check_size(found, str(image) if isinstance(image, str | Path) else "the image")
    return found


def _of_array(array: NDArray[Any]) -> Image.Image:
    colour = array.ndim == _COLOUR and array.shape[-1] == _COLOUR
    if array.ndim != _GREY and not colour:
        raise ValueError(
            f"got an array of shape {array.shape}, expected one image, (H, W) or (H, W, 3); "
            "several images are a list"
        )
    if np.issubdtype(array.dtype, np.floating) and array.size:
        low, high = array.min(), array.max()
        if not (low >= 0 and high <= 1):
            raise ValueError(
                f"got an array of {array.dtype} from {low:g} to {high:g}, expected [0, 1]; "
                "divide colours in 0...255 by 255, and pass an input that is preprocessed already "
                "as a tensor (C, H, W)"
            )
        array = (array * 255).round().astype(np.uint8)
    if array.dtype != np.uint8:
        raise ValueError(
            f"got an array of {array.dtype}, expected uint8, or floating point in [0, 1]"
        )
    return Image.fromarray(array).convert("RGB")
