"""Images and maps in rows and columns, small, as one block of a figure that has several.

A block is one picture: hundreds of axes would take longer than their maps.
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

from captum_rectgrad.plotting.maps import COLOURS, Map, capped_map
from captum_rectgrad.studies.compute.maps import model_inputs
from captum_rectgrad.studies.figures import legends

PANEL = 0.8  # inches
CAPTION = 0.9  # inches, at the left
TITLE = 0.75  # inches, above and below
_DPI = 200
_SMALL, _LARGE = 7, 9  # points
_COLUMN = 11  # letters of a title that a column holds
_GAP = 0.8  # grey between the panels


@dataclass(frozen=True, eq=False)
class Line:
    """An image and its maps.

    Attributes:
        image: `(3, H, W)`, as `model_inputs` takes a batch of them.
        caption: in words.
        maps: by the title of their column, `(C, H, W)`.
    """

    image: Tensor
    caption: str
    maps: Mapping[str, Tensor]


def picture(image: Tensor) -> NDArray[np.float64]:
    """An image for the eye.

    Args:
        image: `(3, H, W)`, as `model_inputs` takes a batch of them.

    Returns:
        `(H, W, 3)`, in [0, 1].
    """
    seen: NDArray[np.float64] = (
        ((model_inputs(image[None])[0].double() + 1) / 2).permute(1, 2, 0).clamp(0, 1).numpy()
    )
    return seen


def block_size(rows: int, columns: int) -> tuple[float, float]:
    """Room of a block.

    Args:
        rows: of images.
        columns: of maps beside them.

    Returns:
        Width and height in inches.
    """
    return CAPTION + (1 + columns) * PANEL, TITLE + rows * PANEL


def new_figure(width: float, height: float) -> Figure:
    """A figure that belongs to no window, for blocks and panels in subfigures.

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
    where: FigureBase, lines: Sequence[Line], title: str, square: int | None = None
) -> None:
    """Draw images and their maps: captions at the left, titles of the columns above.

    Args:
        where: a figure or a part of one, of nothing else.
        lines: at least one, all with the same columns.
        title: of the block.
        square: side of a square to mark in the upper left corner of every picture, in pixels.

    Raises:
        ValueError: there is no line.
    """
    if not lines:
        raise ValueError("nothing to draw: give at least one line")
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
    """As `visualization.plot_map` draws it: `(H, W, 3)`, in [0, 1]."""
    scale = abs(values).max() or 1.0
    found: NDArray[np.float64] = colormaps[COLOURS](values / scale / 2 + 0.5)
    return found[..., :3]


def _mark(axes: Axes, left: int, top: int, side: int) -> None:
    """Two colours, so that it shows on any picture."""
    for colour, width in (("black", 1.8), ("#5cff3c", 0.9)):
        axes.add_patch(
            Rectangle(
                (left - 0.5, top - 0.5), side, side, fill=False, edgecolor=colour, linewidth=width
            )
        )


def _say(axes: Axes, x: float, y: float) -> None:
    axes.text(x, y, "all zero", ha="center", va="center", fontsize=_SMALL - 1, color="0.35")
