"""Layout of figures with pictures above and plots below."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

_PICTURE = 1.25  # inches, the side of a picture
_PLOT = 2.9  # inches, the height of a plot


@dataclass(frozen=True, eq=False)
class Sheet:
    """An empty figure with its axes.

    Attributes:
        figure: the figure.
        pictures: axes of the pictures, by row and column, without ticks.
        plots: axes of the plots, side by side.
    """

    figure: Figure
    pictures: NDArray[Any]
    plots: NDArray[Any]


def sheet(lines: int, columns: int, plots: int = 1) -> Sheet:
    """A figure of pictures with plots below.

    Args:
        lines: number of rows of pictures.
        columns: number of columns of pictures.
        plots: number of plots.

    Returns:
        The figure and its axes.
    """
    size = (_PICTURE * columns, (_PICTURE + 0.1) * lines + _PLOT)
    figure = Figure(figsize=size, dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    ratios = [size[1] - _PLOT, _PLOT]
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=ratios)[:, 0]
    pictures = above.subplots(lines, columns, squeeze=False)
    for axes in pictures.ravel():
        axes.set_xticks([])
        axes.set_yticks([])
    charts = below.subplots(1, plots, squeeze=False)[0]
    for axes in charts:
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    return Sheet(figure, pictures, charts)


def show_image(axes: Axes, image: Tensor, mask: Tensor) -> None:
    """Plot an image and the outline of its object.

    Args:
        axes: axes to plot on.
        image: `(3, H, W)`, uint8.
        mask: `(H, W)`, bool.
    """
    axes.imshow(image.permute(1, 2, 0).numpy())
    if mask.any() and not mask.all():
        axes.contour(mask.numpy().astype(np.float64), levels=[0.5], colors="#00e0ff", linewidths=1)
