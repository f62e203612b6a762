"""Figure 18: accuracy against the fraction of pixels that are gone."""

from collections.abc import Mapping, Sequence

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from captum_rectgrad.studies.roar_kar.cells import Measure
from captum_rectgrad.studies.roar_kar.config import Form
from captum_rectgrad.studies.roar_kar.curves import Curves, Ranking

PANELS: Mapping[Measure, str] = {
    "roar": "ROAR: most important removed",
    "kar": "KAR: least important removed",
    "mask": "the mask of ROAR alone",
    "road-morf": "ROAD: most important imputed",
}
_WIDTH, _HEIGHT = 3.3, 2.9  # inches, of a panel


def draw(curves: Curves) -> Figure:
    """A column for each measure, a line of panels for each form of the baselines' maps.

    Methods with one form are in all panels.

    Args:
        curves: see there.

    Returns:
        The figure.
    """
    forms = _forms(curves.rankings)
    size = (_WIDTH * len(PANELS), _HEIGHT * len(forms) + 0.6)
    figure = Figure(figsize=size, dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(len(forms), len(PANELS), squeeze=False, sharex=True, sharey="col")
    for line, form in zip(grid, forms, strict=True):
        for axes, (measure, title) in zip(line, PANELS.items(), strict=True):
            _panel(axes, curves, measure, form)
            axes.set_title(f"{title}\n{form} maps of the baselines", fontsize=8)
        line[0].set_ylabel("test accuracy", fontsize=8)
    for axes in grid[-1]:
        axes.set_xlabel("fraction of the pixels", fontsize=8)
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, fontsize=8, frameon=False)
    return figure


def _forms(rankings: Sequence[Ranking]) -> list[Form]:
    """Those of the baselines; without baselines the others' own."""
    several = [r.form for r in rankings if r.method.baseline and not r.method.control]
    return list(dict.fromkeys(several or [r.form for r in rankings]))


def _panel(axes: Axes, curves: Curves, measure: Measure, form: Form) -> None:
    colours, styles = colormaps["tab10"], {True: (":", "0.4"), False: ("-", None)}
    keys = list(dict.fromkeys(ranking.method.key for ranking in curves.rankings))
    start = curves.start(measure)
    fractions = [*([0.0] if start is not None else []), *curves.config.fractions]
    for ranking in curves.rankings:
        method = ranking.method
        if method.baseline and not method.control and ranking.form != form:
            continue
        style, grey = styles[method.control]
        accuracies = curves.accuracies(measure, ranking)
        axes.plot(
            fractions,
            [*([start] if start is not None else []), *accuracies],
            label=method.title,
            color=grey or colours(keys.index(method.key) % colours.N),
            linestyle=style,
            linewidth=1.2 if method.baseline else 2.2,
            marker="o",
            markersize=2.5,
        )
    if measure == "mask":
        axes.axhline(curves.chance, color="0.7", linewidth=0.8, zorder=0)
        axes.annotate(
            "chance", (1, curves.chance), color="0.5", fontsize=7, ha="right", va="bottom"
        )
    axes.tick_params(labelsize=7)
    axes.set_xlim(-0.02, 1)
    axes.spines[["top", "right"]].set_visible(False)
