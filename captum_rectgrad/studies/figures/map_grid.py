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
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, FigureBase
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from torch import Tensor

from captum_rectgrad.plotting.single_map import COLOURS, Map, capped_map
from captum_rectgrad.studies.compute.maps import model_inputs
from captum_rectgrad.studies.figures import legends

PANEL = 0.8  # inches
CAPTION = 0.9  # inches, at the left
TITLE = 0.75  # inches, total height above and below
_DPI = 200
_SMALL, _LARGE = 7, 9  # points
_COLUMN = 11  # characters of a title per column
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


def block_size(rows: int, columns: int) -> tuple[float, float]:
    """Size of a block.

    Args:
        rows: number of images.
        columns: number of maps per image.

    Returns:
        Width and height in inches.
    """
    return CAPTION + (1 + columns) * PANEL, TITLE + rows * PANEL


def new_figure(width: float, height: float) -> Figure:
    """A figure without a window, for blocks and panels in subfigures.

    Args:
        width: in inches.
        height: in inches.

    Returns:
        The figure.
    """
    figure = Figure(figsize=(width, height), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    engine = figure.get_layout_engine()
    assert engine is not None  # noqa: S101 (for the type checker: it was asked for)
    engine.set(w_pad=0.06, h_pad=0.06, wspace=0.01, hspace=0.01)  # type: ignore[call-arg]
    return figure


def draw_block(
    where: FigureBase, lines: Sequence[ImageRow], title: str, square: int | None = None
) -> None:
    """Plot images and their maps, with captions at the left and column titles above.

    Args:
        where: figure or subfigure that only holds this block.
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
    gap = max(1, width // 16)
    down, across = height + gap, width + gap
    canvas = np.full((len(lines) * down - gap, (1 + len(names)) * across - gap, 3), _GAP)
    axes = where.subplots()
    for row, line in enumerate(lines):
        top = row * down
        canvas[top : top + height, :width] = picture(line.image)
        for column, name in enumerate(names, start=1):
            left = column * across
            values = capped_map(line.maps[name])
            canvas[top : top + height, left : left + width] = _coloured(values)
            if not values.any():
                _say(axes, left + width / 2, top + height / 2)
    axes.imshow(canvas, interpolation="antialiased")
    if square is not None:
        corners = product(range(len(lines)), range(1 + len(names)))
        for row, column in corners:
            _mark(axes, column * across, row * down, square)
    where.suptitle(title, fontsize=_LARGE)
    titles = [textwrap.fill(name, _COLUMN) for name in names]
    axes.set_xticks([across * (1 + n) + width / 2 for n in range(len(names))], titles)
    key = textwrap.fill(legends.MAPS, _COLUMN * (2 + len(names)))
    axes.set_xlabel(key, fontsize=_SMALL - 1, color="0.35")
    axes.set_yticks([down * n + height / 2 for n in range(len(lines))], [x.caption for x in lines])
    axes.tick_params(labelsize=_SMALL, length=0, top=True, labeltop=True, labelbottom=False)
    axes.spines[:].set_visible(False)


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
                (left - 0.5, top - 0.5), side, side, fill=False, edgecolor=colour, linewidth=width
            )
        )


def _say(axes: Axes, x: float, y: float) -> None:
    axes.text(x, y, "all zero", ha="center", va="center", fontsize=_SMALL - 1, color="0.35")
