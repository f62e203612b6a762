"""The figure of a board: methods by columns, with the rank as colour and the mean as text."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from captum_rectgrad.studies.board.column import Column
from captum_rectgrad.studies.board.finished import Row
from captum_rectgrad.studies.board.table import GroupTable
from captum_rectgrad.studies.figures.figure_layout import new_figure
from captum_rectgrad.studies.figures.legends import draw_legend

_WIDTH, _HEIGHT, _NAMES, _HEADS = 0.42, 0.22, 1.2, 1.4  # inches
_DARK = 0.5  # share of the colour scale from which text is white
_ARROWS = {"higher": "\N{UPWARDS ARROW}", "lower": "\N{DOWNWARDS ARROW}", None: ""}


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
    shown = [
        column
        for column in columns
        if any(not table.entries[column.key, method.key].reason for method in methods)
    ]
    width = _NAMES + _WIDTH * max(len(shown), 4)
    figure = new_figure(width, _HEADS + _HEIGHT * len(methods), dpi=200)
    axes = figure.subplots()
    colours = mpl.colormaps["YlGnBu_r"].with_extremes(bad="0.93")
    axes.pcolormesh(
        _shades(table, methods, shown), cmap=colours, vmin=0, vmax=1.15, edgecolor="w", linewidth=1
    )
    for x, column in enumerate(shown):
        for y, method in enumerate(methods):
            entry = table.entries[column.key, method.key]
            shade = _shade(table, methods, column, method)
            axes.annotate(
                "\N{EN DASH}" if entry.reason else written(entry.mean.value),
                (x + 0.5, y + 0.5),
                ha="center",
                va="center",
                fontsize=7,
                color="w" if np.isfinite(shade) and shade < _DARK else "0.15",
            )
    axes.set_xticks(np.arange(len(shown)) + 0.5)
    axes.set_xticklabels(
        [f"{column.title} {_ARROWS[column.better]}" for column in shown],
        rotation=50,
        ha="left",
        rotation_mode="anchor",
        fontsize=8,
    )
    axes.set_yticks(np.arange(len(methods)) + 0.5)
    axes.set_yticklabels([method.title for method in methods], fontsize=8)
    axes.xaxis.tick_top()
    axes.invert_yaxis()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel(title, fontsize=9)
    draw_legend(
        figure,
        "dark: best rank of the column",
        "grey: not ranked; dash: not available",
        "arrow: which values are better",
    )
    return figure


def written(value: float) -> str:
    """A mean in at most five characters."""
    if abs(value) >= 1000:  # noqa: PLR2004
        return f"{value:.0e}".replace("e+0", "e")
    if abs(value) >= 100:  # noqa: PLR2004
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"  # noqa: PLR2004


def _shade(table: GroupTable, methods: Sequence[Row], column: Column, method: Row) -> float:
    """The rank of a method from 0 for the best to 1 for the last, or NaN."""
    count = sum(not table.entries[column.key, each.key].reason for each in methods)
    rank = table.entries[column.key, method.key].rank.value
    return (rank - 1) / max(1, count - 1)


def _shades(
    table: GroupTable, methods: Sequence[Row], columns: Sequence[Column]
) -> "np.ma.MaskedArray[tuple[int, int], np.dtype[np.float64]]":
    rows = [[_shade(table, methods, column, method) for column in columns] for method in methods]
    return np.ma.masked_invalid(np.array(rows, dtype=np.float64))
