"""The figure of a board: families of columns, marked rows, mean ranks."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from captum_rectgrad.studies.board.cells import Cell
from captum_rectgrad.studies.board.columns import choose_columns
from captum_rectgrad.studies.board.figure import board_figure, written
from captum_rectgrad.studies.board.finished import Row
from captum_rectgrad.studies.board.table import group_table

COLUMNS = choose_columns(["difull", "deletion", "insertion", "sparseness"])
ROWS = (Row("random", "Random"), Row("rectgrad", "RectGrad"), Row("mine.Own", "Own"))


def test_families_rows_and_mean_ranks_are_marked() -> None:
    cells = [
        Cell("n", row.key, column.key, place + 0.01 * np.linspace(-1, 1, 20))
        for place, row in enumerate(ROWS)
        for column in COLUMNS
    ]
    cells[0] = Cell("n", "random", "difull", None, "not measured")
    table = group_table([cells], [row.key for row in ROWS], COLUMNS, 0)
    figure = board_figure("networks", table, ROWS, COLUMNS)
    axes, ranks = figure.axes
    texts = [text.get_text() for text in axes.texts]
    assert [name for name in texts if name.isalpha()] == ["localisation", "faithfulness", "form"]
    # Columns of one family are side by side, with a gap before the next family.
    first, second, third = np.diff(axes.get_xticks())
    assert second == pytest.approx(1)
    assert min(first, third) > 1.3
    colours = [to_hex(label.get_color()) for label in axes.get_yticklabels()]
    assert len(set(colours)) == 3
    # Random has rank 1 in deletion and 3 in insertion, and no rank in DiFull: a hollow dot.
    dots = [line for line in ranks.lines if line.get_marker() == "o"]
    assert [line.get_xdata()[0] for line in dots] == pytest.approx([2, 2, 5 / 3])  # type: ignore[index]
    assert [to_hex(line.get_markerfacecolor()) for line in dots] == ["#ffffff", *colours[1:]]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.123, "0.12"), (-0.001, "0.00"), (-0.01, "-0.01"), (12.34, "12.3"), (4567.0, "5e3")],
)
def test_numbers_have_at_most_five_characters(value: float, text: str) -> None:
    assert written(value) == text
