"""Boxplots of measurements of every method's maps."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from captum_rectgrad.studies.figures import legends
from captum_rectgrad.studies.framework.map_measurements import MapMeasurements

WHISKERS = (5, 95)  # percentiles of the images
ALIKE = "dotted: a uniform map"
_WIDTH, _HEIGHT = 4.6, 3.4  # inches, of a panel


@dataclass(frozen=True)
class Panel:
    """One panel of the figure.

    Attributes:
        measured: the measurements.
        measure: name of the plotted measure.
        alike: value of a uniform map, drawn as a dotted line; None: no line.
        scaled: whether the measure is proportional to a map's scale. The scale of a control is
            arbitrary, so its row stays empty.
    """

    measured: MapMeasurements
    measure: str
    alike: float | None = None
    scaled: bool = False


def boxplots(panels: Mapping[str, Panel]) -> Figure:
    """Boxes from quartile to quartile, whiskers from the 5th to the 95th percentile of the images.

    Args:
        panels: panels by title.

    Returns:
        The figure, with two panels per row and the legend below.
    """
    columns = min(2, len(panels))
    lines = -(-len(panels) // columns)
    figure = Figure(figsize=(_WIDTH * columns, _HEIGHT * lines), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(lines, columns, squeeze=False).ravel()
    for axes, (title, panel) in zip(grid, panels.items(), strict=False):
        draw_boxes(axes, panel)
        axes.set_title(title, fontsize=9)
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    dotted = any(panel.alike is not None for panel in panels.values())
    legends.draw_legend(figure, *(legends.BOXES, *[ALIKE] * dotted))
    return figure


def draw_boxes(axes: Axes, panel: Panel) -> None:
    """Draw one panel of `boxplots`.

    Args:
        axes: axes to plot on.
        panel: the panel.
    """
    shown = panel.measured.methods
    values = [panel.measured.values[panel.measure][method.key].ravel() for method in shown]
    empty = [panel.scaled and method.control for method in shown]
    axes.boxplot(
        [
            numbers[np.isfinite(numbers) & (not left_out)]
            for numbers, left_out in zip(values, empty, strict=True)
        ],
        tick_labels=[method.title for method in shown],
        orientation="horizontal",
        whis=WHISKERS,
        showfliers=False,
        medianprops={"color": "#c43c00", "linewidth": 1.6},
    )
    for place, left_out in enumerate(empty, start=1):
        if left_out:
            axes.annotate(
                "not drawn: arbitrary scale",
                (0.03, place),
                xycoords=("axes fraction", "data"),
                fontsize=7,
                color="0.5",
                va="center",
            )
    axes.invert_yaxis()
    axes.tick_params(labelsize=8)
    axes.set_xlabel(panel.measure, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    if panel.alike is not None:
        axes.axvline(panel.alike, color="0.5", linestyle=":", linewidth=1)
