"""Figure 18: accuracy by the fraction of removed pixels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from captum_rectgrad.studies.roar_kar.cells import Measure
from captum_rectgrad.studies.roar_kar.config import Form
from captum_rectgrad.studies.roar_kar.curves import Curves, Ranking

PANELS: Mapping[Measure, str] = {
    "roar": "ROAR: most important removed",
    "kar": "KAR: least important removed",
    "mask": "the mask of ROAR alone",
    "road-morf": "ROAD: most important imputed",
}
# ROAR and KAR share a scale, since they use the same networks.
_ONE_SCALE: tuple[tuple[Measure, ...], ...] = (("roar", "kar"), ("mask",), ("road-morf",))
CHANCE = "chance"
SINGLE = "small: single networks; line: their mean"
_WIDTH, _HEIGHT = 3.3, 2.9  # inches, of a panel
_MARKERS = "osD^vP*X<>"
_SMALL = 8  # points


@dataclass(frozen=True)
class _Style:
    """Style of a method's line that keeps it visible under other lines."""

    colour: object
    marker: str
    line: str
    width: float


def draw(curves: Curves) -> Figure:
    """A column for each measure, a row of panels for each form of the baselines' maps.

    Methods with one form are in all panels.

    Args:
        curves: results of all cells.

    Returns:
        The figure. Points with several networks also show the single networks.
    """
    forms = _forms(curves.rankings)
    panels = {measure: title for measure, title in PANELS.items() if measure in curves.measures}
    size = (_WIDTH * len(panels), _HEIGHT * len(forms) + 0.8)
    figure = Figure(figsize=size, dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(len(forms), len(panels), squeeze=False, sharex=True)
    styles = _styles(curves.rankings)
    for line, form in zip(grid, forms, strict=True):
        for axes, (measure, title) in zip(line, panels.items(), strict=True):
            _panel(axes, curves, measure, form, styles)
            axes.set_title(f"{title}\n{form} maps of the baselines", fontsize=_SMALL)
        line[0].set_ylabel("test accuracy", fontsize=_SMALL)
    columns = dict(zip(panels, grid.T, strict=True))
    for measures in _ONE_SCALE:
        axes_of = [axes for measure in measures for axes in columns.get(measure, ())]
        if axes_of:
            _scale(axes_of, curves.chance)
    for axes in grid[-1]:
        axes.set_xlabel("fraction of the pixels", fontsize=_SMALL)
    handles, _ = grid[0][0].get_legend_handles_labels()
    if curves.by_networks("roar"):
        handles.append(Line2D([], [], color="0.5", marker=".", linestyle="", label=SINGLE))
    figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    return figure


def _scale(panels: Sequence[Axes], chance: float) -> None:
    """A common scale of these panels; if chance is outside, its value is written."""
    lines = [line for axes in panels for line in axes.lines if line.get_label() != CHANCE]
    values = np.concatenate([np.asarray(line.get_ydata()) for line in lines])
    margin = 0.05 * (values.max() - values.min()) + 0.01
    low, high = values.min() - margin, values.max() + margin
    for axes in panels:
        axes.set_ylim(low, high)
        if not low < chance < high:
            below = f"chance is {'below' if chance < low else 'above'}: {chance:.1%}"
            axes.text(0.02, 0.02, below, transform=axes.transAxes, fontsize=_SMALL - 1, color="0.4")


def _forms(rankings: Sequence[Ranking]) -> list[Form]:
    """The forms of the baselines; without baselines those of the other methods."""
    several = [r.form for r in rankings if r.method.baseline and not r.method.control]
    return list(dict.fromkeys(several or [r.form for r in rankings]))


def _styles(rankings: Sequence[Ranking]) -> dict[str, _Style]:
    """By a method's key: a marker for each method, and thinner lines above thicker ones."""
    methods = list(dict.fromkeys(ranking.method for ranking in rankings))
    colours = colormaps["tab10"]
    return {
        method.key: _Style(
            colour="0.3" if method.control else colours(number % colours.N),
            marker=_MARKERS[number % len(_MARKERS)],
            line=":" if method.control else "-",
            width=1.2 if method.baseline else 2.2,
        )
        for number, method in enumerate(methods)
    }


def _panel(
    axes: Axes, curves: Curves, measure: Measure, form: Form, styles: Mapping[str, _Style]
) -> None:
    axes.axhline(curves.chance, color="0.6", linestyle="--", linewidth=1, zorder=0, label=CHANCE)
    start = curves.start(measure)
    fractions = [*([0.0] if start is not None else []), *curves.config.fractions]
    for ranking in curves.rankings:
        method = ranking.method
        if method.baseline and not method.control and ranking.form != form:
            continue
        style = styles[method.key]
        axes.plot(
            fractions,
            [*([start] if start is not None else []), *curves.accuracies(measure, ranking)],
            label=method.title,
            color=style.colour,
            linestyle=style.line,
            linewidth=style.width,
            zorder=4 - style.width,
            marker=style.marker,
            markersize=5,
            markerfacecolor="none",
        )
        _single_networks(axes, curves, measure, ranking, style)
    axes.tick_params(labelsize=_SMALL - 1)
    axes.set_xlim(-0.02, 1)
    axes.spines[["top", "right"]].set_visible(False)


def _single_networks(
    axes: Axes, curves: Curves, measure: Measure, ranking: Ranking, style: _Style
) -> None:
    if not curves.by_networks(measure):
        return
    points = zip(curves.config.fractions, curves.curve(measure, ranking), strict=True)
    for fraction, networks in points:
        axes.plot(
            [fraction] * len(networks),
            networks.mean(axis=1),
            linestyle="",
            marker=".",
            markersize=2.5,
            color=style.colour,
        )
