"""The numbers of a report: one table for each measure, with methods as rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from captum_rectgrad.evaluation.estimate import Estimate
from captum_rectgrad.evaluation.methods import methods
from captum_rectgrad.studies.framework.result import Cell, Row
from captum_rectgrad.studies.framework.study import Better
from captum_rectgrad.studies.report.markdown import capital, folded, stacked, table
from captum_rectgrad.studies.report.rounded_numbers import decimals_of, fixed, interval_text

# Columns of a result whose cells name the rows of the tables; without them, the first column.
ROW_NAMES = ("method", "rule")
# Columns of a table; less where a column has two titles, which are long.
MOST_COLUMNS, MOST_OF_TWO = 6, 4
OPEN_MEASURES = 4
NOTHING = "-"
# An empty cell of a key: the method does not depend on it.
ANY = "any"


@dataclass(frozen=True)
class Column:
    """A column of a table of estimates.

    Attributes:
        title: its title.
        cells: estimates by the name of the row.
        decimals: decimals of all cells.
        better: which values are better, if the study declares it.
    """

    title: str
    cells: Mapping[str, Estimate]
    decimals: int
    better: Better | None


def measure_tables(rows: Sequence[Row], better: Mapping[str, Better]) -> str:
    """Tables of the measures, which are the columns with estimates.

    Args:
        rows: rows of a result.
        better: by measure, which values are better; the best value of each column is in bold.

    Returns:
        Markdown; empty without rows.
    """
    if not rows:
        return ""
    name, across = keys(rows)
    measures = [column for column in rows[0] if any(_cells([row], column, name) for row in rows)]
    if not across:
        return _side_by_side(rows, name, measures, better)
    sections = []
    for number, measure in enumerate(measures):
        text = _one_measure(rows, name, across, measure, better.get(measure))
        title = capital(measure)
        sections.append(f"### {title}\n\n{text}" if number < OPEN_MEASURES else folded(title, text))
    return "\n\n".join(sections)


def keys(rows: Sequence[Row]) -> tuple[str, list[str]]:
    """The columns that tell rows apart: as few leading columns as possible.

    Args:
        rows: at least one, with the same columns.

    Returns:
        The column that names the rows of a table, and the others, which name its columns.
    """
    columns = list(rows[0])
    name = next((column for column in ROW_NAMES if column in columns), columns[0])
    size = columns.index(name) + 1
    while len({tuple(row[key] for key in columns[:size]) for row in rows}) < len(rows):
        size += 1
    return name, [key for key in columns[:size] if key != name]


def _one_measure(
    rows: Sequence[Row], name: str, across: Sequence[str], measure: str, better: Better | None
) -> str:
    """The table of a measure; one for each cell of the first key if it would be too wide."""
    parts = {"": list(rows)}
    if len(across) > 1 and len(_titles(rows, across)) > MOST_OF_TWO:
        first, *across = across
        parts = _titles(rows, [first])
    texts = []
    for part_title, part in parts.items():
        decimals = decimals_of(_cells(part, measure, *across, name).values())
        columns = [
            Column(title, cells, decimals, better)
            for title, found in _titles(part, across).items()
            if (cells := _cells(found, measure, name))
        ]
        if columns:
            drawn = _table(name, _spread(columns), ", ".join(across))
            texts.append(f"**{capital(part_title)}**\n\n{drawn}" if part_title else drawn)
    return "\n\n".join(texts)


def _spread(columns: Sequence[Column]) -> list[Column]:
    """Columns in which a method that depends on none of the settings has its value in all."""
    settings = [column for column in columns if column.title != ANY]
    independent = [column.cells for column in columns if column.title == ANY]
    if not independent or not 0 < len(settings) <= MOST_COLUMNS:
        return list(columns)
    return [replace(column, cells={**column.cells, **independent[0]}) for column in settings]


def _titles(rows: Sequence[Row], across: Sequence[str]) -> dict[str, list[Row]]:
    """The rows by their cells of these keys, in words."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(", ".join(_title(key, row[key]) for key in across), []).append(row)
    return found


def _title(key: str, cell: Cell) -> str:
    if cell == "none":
        return f"no {key}"
    return (cell or ANY) if isinstance(cell, str) else f"{key} {cell}"


def _side_by_side(
    rows: Sequence[Row], name: str, measures: Sequence[str], better: Mapping[str, Better]
) -> str:
    """Measures as columns, in several tables if there are too many."""
    texts = []
    for common, group in _groups(measures).items():
        columns = []
        for measure in group:
            cells = _cells(rows, measure, name)
            title = measure.removeprefix(common).strip()
            columns.append(Column(title, cells, decimals_of(cells.values()), better.get(measure)))
        drawn = _table(name, columns, "measure")
        texts.append(f"### {capital(common)} …\n\n{drawn}" if common else drawn)
    return "\n\n".join(texts)


def _groups(measures: Sequence[str]) -> dict[str, list[str]]:
    """Measures by their common first words; those that share none are in a group without title."""
    if len(measures) <= MOST_COLUMNS:
        return {"": list(measures)}
    by_word: dict[str, list[str]] = {}
    for measure in measures:
        by_word.setdefault(measure.split()[0], []).append(measure)
    groups: dict[str, list[str]] = {"": []}
    for names in by_word.values():
        words = zip(*(name.split() for name in names), strict=False)
        common = takewhile(lambda each: len(set(each)) == 1, words)
        title = " ".join(each[0] for each in common) if len(names) > 1 else ""
        groups.setdefault(title, []).extend(names)
    return {title: names for title, names in groups.items() if names}


def _cells(rows: Sequence[Row], measure: str, *names: str) -> dict[str, Estimate]:
    """The defined estimates of a measure, by the cells of these columns."""
    return {
        ", ".join(_named(row[name]) for name in names): cell
        for row in rows
        if isinstance(cell := row[measure], Estimate) and cell.count
    }


def _named(cell: Cell) -> str:
    return NOTHING if cell in {"", None} else str(cell)


def _table(name: str, columns: Sequence[Column], titled: str) -> str:
    """A table; too many columns are its rows, with the title `titled` for their titles."""
    names = list(dict.fromkeys(row for column in columns for row in column.cells))
    cells = [[_cell(column, row) for row in names] for column in columns]
    titles = [column.title for column in columns]
    if len(columns) > max(MOST_COLUMNS, len(names)):
        rows = [[title, *found] for title, found in zip(titles, cells, strict=True)]
        return table([titled, *names], rows, right=len(names))
    rows = [[row, *found] for row, found in zip(names, zip(*cells, strict=True), strict=True)]
    return table([name, *titles], rows, right=len(columns))


def _cell(column: Column, name: str) -> str:
    if name not in column.cells:
        return NOTHING
    estimate = column.cells[name]
    value = fixed(estimate.value, column.decimals)
    if column.better and value == _best(column) and name not in _controls():
        value = f"**{value}**"
    return stacked(value, interval_text(estimate, column.decimals))


def _best(column: Column) -> str:
    """The best value of a method that is no control; empty without one."""
    controls = _controls()
    values = [each.value for name, each in column.cells.items() if name not in controls]
    if not values:
        return ""
    best = min(values) if column.better == "lower" else max(values)
    return fixed(best, column.decimals)


def _controls() -> set[str]:
    return {method.title for method in methods() if method.control}
