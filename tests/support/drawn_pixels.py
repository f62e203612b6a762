"""A sparse map, and its pixels in a written picture."""

import io

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]


def sparse_map(size: int) -> torch.Tensor:
    """Isolated pixels, at odd and even places and in the corners: `(size, size)`, 0 or 1."""
    values = torch.zeros(size, size)
    values[0, 0] = values[-1, -1] = values[0, -1] = values[-1, 0] = 1
    values[torch.arange(3, size - 3, 7)[:, None], torch.arange(4, size - 3, 9)] = 1
    return values


def read(written: io.BytesIO) -> Pixels:
    """The pixels of a written picture, `(H, W, 3)`."""
    return np.asarray(Image.open(written).convert("RGB"))


def red(pixels: Pixels) -> NDArray[np.bool_]:
    """The red pixels of a picture, `(H, W)`."""
    values = pixels[..., :3].astype(int)
    return (values[..., 0] > values[..., 1] + 40) & (values[..., 0] > values[..., 2] + 40)


def check_drawn(pixels: Pixels, size: int, zoom: int) -> None:
    """The red pixels of a picture are those of one sparse map, each a square of `zoom` pixels."""
    lit = red(pixels)
    rows, columns = np.nonzero(lit)
    top, left = rows.min(), columns.min()
    side = size * zoom
    assert (rows.max() - top + 1, columns.max() - left + 1) == (side, side)
    expected = np.kron(sparse_map(size).numpy() > 0, np.ones((zoom, zoom), bool))
    assert np.array_equal(lit[top : top + side, left : left + side], expected)
