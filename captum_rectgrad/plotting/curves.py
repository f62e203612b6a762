"""Curves with confidence bands."""

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
    """Plot estimates as a line, with their intervals as a band.

    Args:
        axes: axes to plot on.
        places: x coordinates of the estimates.
        estimates: one for each place.
        colour: colour of line and band; None: the next of Matplotlib's cycle.
        label: label in the legend; None: no entry.
        style: Matplotlib line style.
        marker: marker at each estimate; None: no marker.
    """
    values = [estimate.value for estimate in estimates]
    (line,) = axes.plot(
        places, values, style, marker=marker, markersize=3, color=colour, label=label
    )
    low = [estimate.low for estimate in estimates]
    high = [estimate.high for estimate in estimates]
    axes.fill_between(places, low, high, color=line.get_color(), alpha=0.2, linewidth=0)
