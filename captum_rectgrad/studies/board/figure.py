"""The figure of a board: methods by columns, with the rank as colour and the mean as text."""

import textwrap
from collections.abc import Mapping, Sequence
from itertools import groupby

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from captum_rectgrad.studies.board.column import Column
from captum_rectgrad.studies.board.finished import Row
from captum_rectgrad.studies.board.rows import KEYS
from captum_rectgrad.studies.board.table import GroupTable
from captum_rectgrad.studies.figures.figure_layout import new_figure
from captum_rectgrad.studies.figures.legends import draw_legend

# In inches. The letters are those of names of methods and families, and of the legend.
_WIDTH, _HEIGHT, _HEADS, _RANKS, _LEAST_NAMES = 0.33, 0.21, 1.85, 1.0, 1.2
_LETTER, _SMALL_LETTER = 0.07, 0.052
_LEAST_CELLS, _LEAST_ROWS = 4, 3
_GAP = 0.35  # between families of columns, in widths of a cell
_DARK = 0.5  # share of the colour scale from which text is white
_ARROWS = {"higher": "\N{UPWARDS ARROW}", "lower": "\N{DOWNWARDS ARROW}", None: ""}
_PLAIN, _RECTGRAD, _OWN = "0.15", "#b2182b", "#1b7837"  # colours of rows


def board_figure(
    title: str, table: GroupTable, methods: Sequence[Row], columns: Sequence[Column]
) -> Figure:
    """Draw a board. Columns without any value are left out.

    Args:
        title: name of the networks.
        table: their table.
        methods: the rows.
        columns: the columns.

    Returns:
        The figure.
    """
    shown = table.with_values(columns)
    places, end = _places(shown)
    names = max(_LEAST_NAMES, _LETTER * max(len(method.title) for method in methods))
    widths = [_WIDTH * max(_LEAST_CELLS, end), *([_RANKS] if table.mean_ranks else [])]
    size = names + sum(widths), _HEADS + _HEIGHT * max(_LEAST_ROWS, len(methods))
    figure = new_figure(*size, dpi=200)
    axes, *ranks = figure.subplots(1, len(widths), sharey=True, width_ratios=widths, squeeze=False)[
        0
    ]
    axes.set_xlim(0, max(_LEAST_CELLS, end))
    _draw_cells(axes, table, methods, shown, places)
    _draw_families(axes, shown, places)
    for each in ranks:
        _draw_mean_ranks(each, table, methods)
    axes.set_yticks(np.arange(len(methods)) + 0.5)
    # A dollar sign would begin a formula.
    titles = [method.title.replace("$", r"\$") for method in methods]
    axes.set_yticklabels(titles, fontsize=8)
    for label, method in zip(axes.get_yticklabels(), methods, strict=True):
        colour = _colour(method)
        label.set(color=colour, fontweight="normal" if colour == _PLAIN else "bold")
    axes.set_ylim(len(methods), 0)
    for each in (axes, *ranks):
        each.tick_params(length=0)
        each.spines[:].set_visible(False)
    figure.suptitle(title, fontsize=9, x=0.01, ha="left")
    draw_legend(figure, *textwrap.wrap(_legend(table, methods), int(size[0] / _SMALL_LETTER)))
    return figure


def _legend(table: GroupTable, methods: Sequence[Row]) -> str:
    own = any(_colour(method) == _OWN for method in methods)
    parts = [
        "number: mean of the column; arrow: which values are better",
        "colour: rank in the column, dark is best; grey: not ranked; dash: no value; red: RectGrad",
        *(["green: your methods"] if own else []),
    ]
    if table.mean_ranks:
        parts.append(
            "mean rank: over the ranked columns but the cost, with its 95 % interval, 1 is best"
        )
        parts.append("hollow: not ranked in all of them")
    return "; ".join(parts)


def _places(columns: Sequence[Column]) -> tuple[Mapping[str, float], float]:
    """Left edge of each column, by key, and the end of the last, in widths of a cell."""
    found, place, end = {}, 0.0, 0.0
    for name, family in groupby(columns, key=_family):
        begin = place
        for column in family:
            found[column.key] = place
            place += 1
        end = max(place, begin + len(name) * _LETTER / _WIDTH)
        place = end + _GAP
    return found, end


def _family(column: Column) -> str:
    return column.family


def _draw_cells(
    axes: Axes,
    table: GroupTable,
    methods: Sequence[Row],
    columns: Sequence[Column],
    places: Mapping[str, float],
) -> None:
    colours = mpl.colormaps["YlGnBu_r"].with_extremes(bad="0.93")
    for column in columns:
        left = places[column.key]
        shades = np.array([_shade(table, methods, column, method) for method in methods])
        axes.pcolormesh(
            [left, left + 1],
            np.arange(len(methods) + 1),
            np.ma.masked_invalid(shades[:, None]),
            cmap=colours,
            vmin=0,
            vmax=1.15,
            edgecolor="w",
            linewidth=1,
        )
        for y, method in enumerate(methods):
            entry = table.entries[column.key, method.key]
            axes.annotate(
                "\N{EN DASH}" if entry.reason else written(entry.mean.value),
                (left + 0.5, y + 0.5),
                ha="center",
                va="center",
                fontsize=7,
                color="w" if np.isfinite(shades[y]) and shades[y] < _DARK else "0.15",
            )


def _draw_families(axes: Axes, columns: Sequence[Column], places: Mapping[str, float]) -> None:
    """Names of the columns, and below them those of the families with a line over their columns."""
    axes.xaxis.tick_top()
    axes.set_xticks([place + 0.5 for place in places.values()])
    axes.set_xticklabels(
        [f"{column.title} {_ARROWS[column.better]}".rstrip() for column in columns],
        rotation=50,
        ha="left",
        rotation_mode="anchor",
        fontsize=8,
    )
    axes.tick_params(axis="x", pad=15)
    above = axes.get_xaxis_transform()
    for name, family in groupby(columns, key=_family):
        edges = [places[column.key] for column in family]
        left, right = edges[0] + 0.04, edges[-1] + 0.96
        axes.plot(
            [left, right], [1, 1], color="0.35", linewidth=1.2, clip_on=False, transform=above
        )
        axes.annotate(
            name,
            (left, 1),
            (0, 2.5),
            xycoords=above,
            textcoords="offset points",
            ha="left",
            va="bottom",
            fontsize=7.5,
            color="0.35",
            annotation_clip=False,
        )


def _draw_mean_ranks(axes: Axes, table: GroupTable, methods: Sequence[Row]) -> None:
    axes.set_axisbelow(True)
    axes.grid(axis="x", color="0.88", linewidth=0.8)
    for y, method in enumerate(methods):
        mean = table.mean_ranks.get(method.key)
        if mean is None:
            continue
        colour, rank = _colour(method), mean.estimate
        if np.isfinite(rank.low):
            axes.plot([rank.low, rank.high], [y + 0.5] * 2, color=colour, linewidth=1.4)
        inside = colour if mean.whole else "w"
        axes.plot(rank.value, y + 0.5, "o", color=colour, markerfacecolor=inside, markersize=4)
    axes.xaxis.tick_top()
    axes.tick_params(axis="x", labelsize=7, pad=1)
    axes.tick_params(axis="y", labelleft=False)
    axes.set_xlim(0.5, max(2, len(methods)) + 0.5)
    axes.set_xticks(np.unique(np.linspace(1, max(2, len(methods)), 4).round()))
    axes.set_xlabel("mean rank", fontsize=8)


def _colour(method: Row) -> str:
    if method.key not in KEYS:
        return _OWN
    return _RECTGRAD if "rectgrad" in method.key else _PLAIN


def written(value: float) -> str:
    """A mean in at most five characters."""
    if abs(value) >= 1000:  # noqa: PLR2004
        return f"{value:.0e}".replace("e+0", "e")
    if abs(value) >= 100:  # noqa: PLR2004
        return f"{value:.0f}"
    text = f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"  # noqa: PLR2004
    return "0.00" if text == "-0.00" else text


def _shade(table: GroupTable, methods: Sequence[Row], column: Column, method: Row) -> float:
    """The rank of a method from 0 for the best to 1 for the last, or NaN."""
    count = sum(not table.entries[column.key, each.key].reason for each in methods)
    rank = table.entries[column.key, method.key].rank.value
    return (rank - 1) / max(1, count - 1)
