"""Layout of figures with pictures above and plots below."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, SubFigure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from numpy.typing import NDArray
from torch import Tensor

from captum_rectgrad.plotting.single_map import plain
from captum_rectgrad.plotting.whole_pixels import ABOVE_SPINES, draw_pixels

# The side of a picture is a multiple of 32, 16 and 8, the sizes of the layers, and large enough for
# two figure pixels per pixel of the channels in `kim2019.feature_maps`.
_DPI, _SIDE = 240, 268
_PICTURE = _SIDE / _DPI
# All in inches.
_GAP = 0.17
_TITLES = 0.3
_PLOT = 2.9  # height of a plot


@dataclass(frozen=True, eq=False)
class Sheet:
    """An empty figure with its axes.

    Attributes:
        figure: the figure.
        pictures: axes of the pictures, by row and column, without ticks.
        below: the part with the plots, which has room for a legend.
        plots: axes of the plots, side by side.
    """

    figure: Figure
    pictures: NDArray[Any]
    below: SubFigure
    plots: NDArray[Any]


def new_figure(width: float, height: float, dpi: float = 150) -> Figure:
    """A figure without a window, whose subfigures have exactly their share of its size.

    Args:
        width: in inches.
        height: in inches.
        dpi: resolution.

    Returns:
        The figure.
    """
    layout = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08, wspace=0, hspace=0)
    figure = Figure(figsize=(width, height), dpi=dpi, layout=layout)
    FigureCanvasAgg(figure)
    return figure


def sheet(lines: int, columns: int, plots: int = 1) -> Sheet:
    """A figure of pictures with plots below.

    Args:
        lines: number of rows of pictures.
        columns: number of columns of pictures.
        plots: number of plots.

    Returns:
        The figure and its axes.
    """
    pitch = _PICTURE + _GAP
    width, height = columns * pitch + _GAP, lines * pitch + _TITLES
    figure = new_figure(width, height + _PLOT, _DPI)
    ratios = [height, _PLOT]
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=ratios)[:, 0]
    pictures = np.empty((lines, columns), dtype=object)
    for row, column in np.ndindex(lines, columns):
        left, bottom = _GAP + column * pitch, height - _TITLES - row * pitch - _PICTURE
        box = (left / width, bottom / height, _PICTURE / width, _PICTURE / height)
        pictures[row, column] = above.add_axes(box, xticks=[], yticks=[])
    charts = below.subplots(1, plots, squeeze=False)[0]
    for axes in charts:
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    return Sheet(figure, pictures, below, charts)


def show_image(axes: Axes, image: Tensor, mask: Tensor) -> None:
    """Plot an image and the outline of its object.

    Args:
        axes: axes to plot on.
        image: `(3, H, W)`, uint8.
        mask: `(H, W)`, bool.
    """
    draw_pixels(axes, image.permute(1, 2, 0).numpy())
    plain(axes)
    if mask.any() and not mask.all():
        axes.contour(
            mask.numpy().astype(np.float64),
            levels=[0.5],
            colors="#00e0ff",
            linewidths=1,
            zorder=ABOVE_SPINES + 0.1,
        )
