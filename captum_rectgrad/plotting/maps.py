"""Figures of images in rows and methods in columns (Kim et al. 2019, figures 1 and 5a)."""

import io
import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from torch import Tensor

from captum_rectgrad.plotting.single_map import plain, plot_map, write
from captum_rectgrad.plotting.whole_pixels import draw_pixels, resolution

TITLE_SIZE = 8.5  # points
PIXELS = 224  # least number of pixels of a panel
# All in inches.
PANEL = 1.6
GAP = 8 / PIXELS * PANEL
TITLE_LINE = 20 / PIXELS * PANEL
TITLE_ROOM = 14 / PIXELS * PANEL
NAME_ROOM = 20 / PIXELS * PANEL
COLORBAR_ROOM = 32 / PIXELS * PANEL
TITLE_WIDTH = 24  # characters


@dataclass(frozen=True)
class Row:
    """One image and its attribution maps.

    Attributes:
        image: `(H, W, 3)` in [0, 1], at the model's input size.
        caption: text above the image.
        panels: by column title, an attribution map (`(C, H, W)` or `(H, W)`), or the reason why
            there is none.
        name: text at the left of the image, such as the name of its file.
    """

    image: ArrayLike
    caption: str
    panels: Mapping[str, Tensor | str] = field(default_factory=dict)
    name: str = ""


class NotebookFigure(Figure):
    """A figure without a window, which a notebook displays as the value of a cell.

    Notebooks know how to display a `Figure` after `import matplotlib.pyplot` only.
    """

    def _repr_png_(self) -> bytes:
        written = io.BytesIO()
        self.savefig(written, format="png", dpi=self.dpi)
        return written.getvalue()


def plot_comparison(
    rows: Sequence[Row],
    figure: Figure | None = None,
    *,
    overlay: bool = False,
    colorbar: bool = False,
) -> Figure:
    """Plot images in rows and attribution methods in columns (figures 1 and 5a).

    Each pixel of a map is a whole number of figure pixels, so isolated pixels are visible. This
    holds for `figure.savefig`, `plt.savefig` and notebooks, for PDF and SVG, and for every `dpi` of
    `savefig` that is not below that of the figure. Below, pixels are averaged. The same is true of
    `figure.set_size_inches` and `figure.set_dpi`: the panels may become larger, not smaller.

    Args:
        rows: at least one; the columns are the titles of their panels, in order of appearance.
        figure: an empty figure, such as `plt.figure()` for a window. Its size is set, its
            resolution is not. None: a new figure without a window, with the resolution of the maps.
        overlay: draw the maps over the image in grey.
        colorbar: draw the colour scale of each map.

    Returns:
        The figure; `figure.savefig(...)` writes it, and a notebook displays it.

    Raises:
        ValueError: there are no rows, or a map cannot be plotted.
    """
    if not rows:
        raise ValueError("got no rows to plot; give at least one row")
    titles = list(dict.fromkeys(title for row in rows for title in row.panels))
    captions = [textwrap.fill(row.caption, TITLE_WIDTH) for row in rows]
    figure, panel = _sized(figure, rows)
    columns = 1 + len(titles)
    left = GAP + NAME_ROOM * any(row.name for row in rows)
    above = TITLE_LINE * (1 + max(caption.count("\n") for caption in captions)) + TITLE_ROOM
    below = GAP + COLORBAR_ROOM * colorbar
    width = left + columns * (panel + GAP)
    height = (panel + above) * len(rows) + COLORBAR_ROOM * colorbar * (len(rows) - 1) + below
    figure.set_size_inches(width, height)
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for row, caption, line in zip(rows, captions, grid, strict=True):
        draw_pixels(line[0], np.clip(np.asarray(row.image, dtype=np.float64), 0, 1))
        plain(line[0])
        line[0].set_title(caption, fontsize=TITLE_SIZE, pad=4)
        line[0].set_ylabel(_shortened(row.name), fontsize=TITLE_SIZE)
        for title, axes in zip(titles, line[1:], strict=True):
            shown = row.panels.get(title, "not computed")
            if isinstance(shown, str):
                _say(axes, shown)
            else:
                over = row.image if overlay else None
                plot_map(shown, axes, over=over, colorbar=colorbar)
    for title, axes in zip(titles, grid[0][1:], strict=True):
        axes.set_title(title, fontsize=TITLE_SIZE, pad=4)
    figure.subplots_adjust(
        left=left / width,
        right=1 - GAP / width,
        top=1 - above / height,
        bottom=below / height,
        wspace=GAP / panel,
        hspace=(above + COLORBAR_ROOM * colorbar) / panel,
    )
    return figure


def _shortened(name: str) -> str:
    """A name with its beginning and its end; names of cameras differ in the end."""
    half = TITLE_WIDTH // 2 - 1
    return name if len(name) <= TITLE_WIDTH else f"{name[:half]}...{name[-half:]}"


def _sized(figure: Figure | None, rows: Sequence[Row]) -> tuple[Figure, float]:
    """The figure, and the side of a panel in inches: a whole number of the largest image.

    `savefig` writes with the resolution that a figure was created with, so `set_dpi` on a figure of
    the caller would have no effect there.
    """
    maps = [panel for row in rows for panel in row.panels.values() if not isinstance(panel, str)]
    shapes = [np.shape(row.image)[:2] for row in rows] + [each.shape[-2:] for each in maps]
    size = max(max(shape) for shape in shapes)
    if figure is None:
        figure = NotebookFigure(dpi=resolution(size, PANEL, PIXELS))
        FigureCanvasAgg(figure)
    return figure, size * math.ceil(PANEL * figure.dpi / size - 1e-9) / figure.dpi


def _say(axes: Axes, words: str) -> None:
    plain(axes)
    axes.set_aspect("equal")
    axes.set_facecolor("0.96")
    write(axes, words)
