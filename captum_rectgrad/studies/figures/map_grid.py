"""A grid of images and maps, as one block of a larger figure.

A block is drawn as one picture, since hundreds of axes would be slow.
"""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from torch import Tensor

from captum_rectgrad.plotting.single_map import COLOURS, Map, capped_map
from captum_rectgrad.plotting.whole_pixels import ABOVE_SPINES, draw_pixels, resolution
from captum_rectgrad.studies.compute.maps import model_inputs
from captum_rectgrad.studies.figures import legends

PIXELS = 120  # least number of figure pixels of a panel
# All in inches.
PANEL = 0.8
CAPTION = 0.95  # at the left, if there are captions
TITLES = 0.65  # above
KEY = 0.35  # below
PAD = 0.1  # at the right
_SMALL, _LARGE = 7, 9  # points
_COLUMN, _CAPTION = 11, 16  # characters of a line
_GAP = 0.8  # grey level between the panels


@dataclass(frozen=True, eq=False)
class ImageRow:
    """An image and its maps.

    Attributes:
        image: `(3, H, W)`, one image of a batch for `model_inputs`.
        caption: text at the left.
        maps: by column title, `(C, H, W)`.
    """

    image: Tensor
    caption: str
    maps: Mapping[str, Tensor]


def picture(image: Tensor) -> NDArray[np.float64]:
    """An image with values in [0, 1], channels last.

    Args:
        image: `(3, H, W)`, one image of a batch for `model_inputs`.

    Returns:
        `(H, W, 3)`, in [0, 1].
    """
    seen: NDArray[np.float64] = (
        ((model_inputs(image[None])[0].double() + 1) / 2).permute(1, 2, 0).clamp(0, 1).numpy()
    )
    return seen


def block_size(lines: Sequence[ImageRow]) -> tuple[float, float]:
    """Size of a block.

    Args:
        lines: the images and maps of the block.

    Returns:
        Width and height in inches.
    """
    width, height = _canvas_inches(lines)
    return _left(lines) + width + PAD, TITLES + height + KEY


def block_dpi(lines: Sequence[ImageRow]) -> float:
    """Resolution of a figure in which the pixels of a block are whole pixels.

    Args:
        lines: the images and maps of the block.

    Returns:
        Pixels per inch.
    """
    return resolution(max(lines[0].image.shape[-2:]), PANEL, PIXELS)


def _canvas_size(lines: Sequence[ImageRow]) -> tuple[int, int]:
    """Height and width of all panels with their gaps, in pixels of the images."""
    height, width = lines[0].image.shape[-2:]
    gap = _gap(width)
    return len(lines) * (height + gap) - gap, (1 + len(lines[0].maps)) * (width + gap) - gap


def _canvas_inches(lines: Sequence[ImageRow]) -> tuple[float, float]:
    """Width and height of the same."""
    height, width = _canvas_size(lines)
    inches = PANEL / max(lines[0].image.shape[-2:])
    return width * inches, height * inches


def _left(lines: Sequence[ImageRow]) -> float:
    return CAPTION if any(line.caption for line in lines) else PAD


def _gap(width: int) -> int:
    return max(1, width // 16)


def draw_block(
    where: FigureBase, lines: Sequence[ImageRow], title: str, square: int | None = None
) -> None:
    """Plot images and their maps, with captions at the left and column titles above.

    Args:
        where: subfigure of `block_size`, which only holds this block. Pixels are whole if
            the figure has the resolution `block_dpi`.
        lines: at least one, all with the same columns.
        title: title of the block.
        square: side of a square marked in the upper left corner of every picture, in pixels.

    Raises:
        ValueError: there are no lines.
    """
    if not lines:
        raise ValueError("got no lines to plot; give at least one line")
    names = list(lines[0].maps)
    height, width = lines[0].image.shape[-2:]
    down, across = height + _gap(width), width + _gap(width)
    canvas = np.full((*_canvas_size(lines), 3), _GAP)
    full, inner = block_size(lines), _canvas_inches(lines)
    box = (_left(lines) / full[0], KEY / full[1], inner[0] / full[0], inner[1] / full[1])
    axes = where.add_axes(box)
    for row, line in enumerate(lines):
        top = row * down
        canvas[top : top + height, :width] = picture(line.image)
        for column, name in enumerate(names, start=1):
            left = column * across
            values = capped_map(line.maps[name])
            canvas[top : top + height, left : left + width] = _coloured(values)
            if not values.any():
                _say(axes, left + width / 2, top + height / 2)
    draw_pixels(axes, canvas)
    if square is not None:
        corners = product(range(len(lines)), range(1 + len(names)))
        for row, column in corners:
            _mark(axes, column * across, row * down, square)
    axes.set_title(title, fontsize=_LARGE)
    titles = [textwrap.fill(name, _COLUMN) for name in names]
    axes.set_xticks([across * (1 + n) + width / 2 for n in range(len(names))], titles)
    key = textwrap.fill(legends.MAPS, _COLUMN * (2 + len(names)))
    axes.set_xlabel(key, fontsize=_SMALL - 1, color="0.35")
    captions = [_wrapped(line.caption) for line in lines]
    axes.set_yticks([down * n + height / 2 for n in range(len(lines))], captions)
    axes.tick_params(labelsize=_SMALL, length=0, top=True, labeltop=True, labelbottom=False)
    axes.spines[:].set_visible(False)


def _wrapped(caption: str) -> str:
    return "\n".join(textwrap.fill(line, _CAPTION) for line in caption.splitlines())


def _coloured(values: Map) -> NDArray[np.float64]:
    """Colours of `maps.plot_map`: `(H, W, 3)`, in [0, 1]."""
    scale = abs(values).max() or 1.0
    found: NDArray[np.float64] = colormaps[COLOURS](values / scale / 2 + 0.5)
    return found[..., :3]


def _mark(axes: Axes, left: int, top: int, side: int) -> None:
    """Mark a square in two colours, so that it is visible on any picture."""
    for colour, width in (("black", 1.8), ("#5cff3c", 0.9)):
        axes.add_patch(
            Rectangle(
                (left - 0.5, top - 0.5),
                side,
                side,
                fill=False,
                edgecolor=colour,
                linewidth=width,
                zorder=ABOVE_SPINES + 0.1,
            )
        )


def _say(axes: Axes, x: float, y: float) -> None:
    axes.text(x, y, "all zero", ha="center", va="center", fontsize=_SMALL - 1, color="0.35")
