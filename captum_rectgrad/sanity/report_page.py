"""The report of a check: one figure, one sentence for each check, and the numbers."""

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, SubFigure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from numpy.typing import NDArray

from captum_rectgrad.evaluation.intervals import crossed_mean, mean
from captum_rectgrad.plotting.curves import draw_curve
from captum_rectgrad.plotting.single_map import plain, plot_map
from captum_rectgrad.plotting.whole_pixels import draw_pixels, resolution
from captum_rectgrad.sanity.caveats import notes
from captum_rectgrad.sanity.check import CheckOptions, CheckReport
from captum_rectgrad.sanity.findings import Finding
from captum_rectgrad.sanity.randomisation import Randomisation
from captum_rectgrad.sanity.similarity import UNSIGNED

_SMALL = 8  # points
_LINE = 120  # characters
_PANELS = 8  # maximum number of maps of the cascade
_PIXELS = 130  # least number of figure pixels of a map
# All in inches.
_WIDTH = 11
_MAP, _GAP = 1.0, 0.08
_MAPS, _CURVES, _VERDICTS = 1.8, 3.2, 2.4  # heights of the parts
_TITLES = 0.6  # above the maps
_COLOURS = ("#c43c00", "#2a6a9e", "#5c8a3a", "#7a5195")
_GREY, _LOGITS = "#777777", "rank correlation of the logits"
_VERDICT = {"passed": "#2e7d32", "failed": "#c62828", "undecided": "#8d6e00", "not run": "0.5"}


def draw(
    checked: CheckReport, picture: NDArray[np.float64], title: str, options: CheckOptions
) -> Figure:
    """Plot maps under randomisation, curves, and the verdicts.

    Args:
        checked: outcome of the checks.
        picture: the first image, `(H, W, 3)` in [0, 1].
        title: title of the figure.
        options: options of the checks.

    Returns:
        The figure, without a window.
    """
    size = max(picture.shape[:2])
    ratios = [_MAPS, _CURVES, _VERDICTS]
    dpi = resolution(size, _MAP, _PIXELS)
    layout = ConstrainedLayoutEngine(wspace=0, hspace=0)  # the parts have exactly these heights
    figure = Figure(figsize=(_WIDTH, sum(ratios)), dpi=dpi, layout=layout)
    FigureCanvasAgg(figure)
    above, middle, below = figure.subfigures(3, 1, squeeze=False, height_ratios=ratios)[:, 0]
    above.suptitle(title, fontsize=11)
    _draw_maps(above, checked, picture)
    curves = middle.subplots(1, 3)
    _draw_randomised(curves[0], checked.cascade, options, "all layers from the output to ...")
    _draw_randomised(curves[1], checked.single, options, "one layer alone")
    _draw_converged(curves[2], checked, options)
    _draw_verdicts(below, checked.findings, options)
    return figure


def markdown(checked: CheckReport, title: str, facts: Mapping[str, object]) -> str:
    """The report in Markdown.

    Args:
        checked: outcome of the checks.
        title: title of the report.
        facts: provenance, by name.

    Returns:
        The text.
    """
    lines = [f"# {title}", "", "![maps, curves and verdicts](figure.png)", ""]
    lines += [
        f"- **{finding.check}: {finding.verdict}.** {finding.sentence[0].upper()}"
        f"{finding.sentence[1:]}."
        for finding in checked.findings
    ]
    for note in notes(checked):
        lines += ["", note]
    lines += ["", "| check | measure | mean and 95 % interval | images |", "|---|---|---|---|"]
    lines += [
        f"| {finding.check} | {name} | {number} | {number.count} |"
        for finding in checked.findings
        for name, number in finding.numbers
    ]
    lines += ["", *(f"- {name}: {fact}" for name, fact in facts.items())]
    return "\n".join(lines) + "\n"


def _draw_maps(where: SubFigure, checked: CheckReport, picture: NDArray[np.float64]) -> None:
    cascade = checked.cascade
    places = np.linspace(0, len(cascade.layers) - 1, min(_PANELS, len(cascade.layers)))
    shown = sorted({round(place) for place in places})
    pitch, bottom = _MAP + _GAP, _MAPS - _TITLES - _MAP
    left = (_WIDTH - (2 + len(shown)) * pitch + _GAP) / 2
    panels = [
        where.add_axes((x / _WIDTH, bottom / _MAPS, _MAP / _WIDTH, _MAP / _MAPS))
        for x in left + pitch * np.arange(2 + len(shown))
    ]
    draw_pixels(panels[0], np.clip(picture, 0, 1))
    plain(panels[0])
    panels[0].set_title("first image", fontsize=_SMALL)
    plot_map(checked.original[0], panels[1])
    panels[1].set_title("original map", fontsize=_SMALL)
    for axes, place in zip(panels[2:], shown, strict=True):
        plot_map(cascade.first[place], axes)
        count = cascade.randomised[place]
        axes.set_title(f"{count} layer{'s' * (count > 1)}\nrandomised", fontsize=_SMALL)


def _draw_randomised(axes: Axes, found: Randomisation, options: CheckOptions, what: str) -> None:
    # For a map without negative values two curves coincide: dashes keep both visible.
    styles = zip(_COLOURS, ("-", "--", "-."), strict=False)
    for (colour, line), (name, values) in zip(styles, found.similarity.items(), strict=False):
        points = [crossed_mean(each, options.seed) for each in values]
        draw_curve(axes, range(len(points)), points, colour=colour, label=name, style=line)
    points = [mean(each.mean(axis=0), options.seed) for each in found.logits]
    draw_curve(axes, range(len(points)), points, colour=_GREY, label=_LOGITS, style=":")
    axes.set_xticks(range(len(found.layers)), found.layers, rotation=60, ha="right")
    axes.set_title(f"similarity to the original map, randomised:\n{what}", fontsize=_SMALL + 1)
    axes.legend(fontsize=_SMALL - 1, frameon=False)
    _frame(axes, options)


def _draw_converged(axes: Axes, checked: CheckReport, options: CheckOptions) -> None:
    axes.set_title(
        "|cosine| of two random backward signals\nat the input of ...", fontsize=_SMALL + 1
    )
    if checked.converged is None:
        axes.text(0.5, 0.5, "not defined for this method", ha="center", transform=axes.transAxes)
        axes.set_axis_off()
        return
    layers, cosines = checked.converged.layers[::-1], checked.converged.cosines[::-1]
    places = sorted({round(place) for place in np.linspace(0, len(layers) - 1, 12)})
    points = [mean(abs(cosines[place]), options.seed) for place in places]
    draw_curve(axes, range(len(points)), points, colour=_COLOURS[0])
    axes.axhline(checked.converged.unrelated, color=_GREY, linewidth=0.8, label="unrelated vectors")
    axes.legend(fontsize=_SMALL - 1, frameon=False)
    axes.set_xticks(range(len(places)), [layers[p] for p in places], rotation=60, ha="right")
    _frame(axes, options)


def _frame(axes: Axes, options: CheckOptions) -> None:
    axes.axhline(options.bound, color="0.5", linestyle=":", linewidth=1)
    axes.set_ylim(-0.3, 1.05)
    axes.tick_params(labelsize=_SMALL - 1)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_verdicts(where: SubFigure, findings: Sequence[Finding], options: CheckOptions) -> None:
    axes = where.subplots()
    axes.set_axis_off()
    for number, finding in enumerate(findings):
        height = 1 - (number + 0.5) / len(findings)
        for x, text, colour in (
            (0.0, finding.check, "black"),
            (0.2, finding.verdict, _VERDICT[finding.verdict]),
            (0.28, textwrap.fill(finding.sentence, _LINE), "0.25"),
        ):
            axes.text(x, height, text, fontsize=_SMALL, color=colour, va="center")
    where.suptitle(
        f"Verdicts use the {UNSIGNED}, the absolute cosine, or the correlation with the image; "
        f"maps above {options.bound:g} count as the same",
        fontsize=_SMALL,
        color="0.4",
    )
