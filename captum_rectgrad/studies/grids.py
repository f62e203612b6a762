"""Images and maps in rows and columns, small, as one block of a figure that has several."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, FigureBase
from numpy.typing import NDArray
from torch import Tensor

from captum_rectgrad.studies.maps import model_inputs
from captum_rectgrad.visualization import plot_map

PANEL = 0.8  # inches
CAPTION = 0.9  # inches, at the left
TITLE = 0.5  # inches, above
_DPI = 200
_SMALL, _LARGE = 7, 9  # points


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
    engine.set(w_pad=0.02, h_pad=0.02, wspace=0.01, hspace=0.01)  # type: ignore[call-arg]
    return figure


def draw_block(where: FigureBase, lines: Sequence[Line], title: str) -> None:
    """Draw images and their maps: captions at the left, titles of the columns above.

    Args:
        where: a figure or a part of one, of nothing else.
        lines: at least one, all with the same columns.
        title: of the block.

    Raises:
        ValueError: there is no line.
    """
    if not lines:
        raise ValueError("nothing to draw: give at least one line")
    where.suptitle(title, fontsize=_LARGE)
    columns = list(lines[0].maps)
    grid = where.subplots(len(lines), 1 + len(columns), squeeze=False)
    for line, cells in zip(lines, grid, strict=True):
        cells[0].imshow(picture(line.image), interpolation="nearest")
        _bare(cells[0])
        cells[0].set_ylabel(
            line.caption, fontsize=_SMALL, rotation="horizontal", ha="right", va="center"
        )
        for name, axes in zip(columns, cells[1:], strict=True):
            plot_map(line.maps[name], axes)
    for name, axes in zip(columns, grid[0][1:], strict=True):
        axes.set_title(name, fontsize=_SMALL, pad=3)


def _bare(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_color("0.75")
