"""Curves with their intervals."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from captum_rectgrad.evaluation.estimate import Estimate


def draw_curve(
    axes: Axes,
    places: Sequence[float],
    estimates: Sequence[Estimate],
    *,
    colour: str | None = None,
    label: str | None = None,
    style: str = "-",
    marker: str | None = "o",
) -> None:
    """Draw estimates as a line, their intervals as a band around it.

    Args:
        axes: where.
        places: of the estimates, along the x axis.
        estimates: as many.
        colour: of both; None: the next of Matplotlib's.
        label: for the legend; None: it is not in it.
        style: of the line, as Matplotlib takes it.
        marker: at every estimate; None: none.
    """
    values = [estimate.value for estimate in estimates]
    (line,) = axes.plot(
        places, values, style, marker=marker, markersize=3, color=colour, label=label
    )
    low = [estimate.low for estimate in estimates]
    high = [estimate.high for estimate in estimates]
    axes.fill_between(places, low, high, color=line.get_color(), alpha=0.2, linewidth=0)
