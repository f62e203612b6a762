"""The rows of a result in its files: JSON, which a report is written from, and CSV."""

import csv
import dataclasses
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

from captum_rectgrad.evaluation.estimate import Estimate
from captum_rectgrad.studies.framework.result import Row


def plain_row(row: Row) -> dict[str, Any]:
    """A row as plain values; NaN, which JSON does not have, is None."""
    return {
        name: _numbers(dataclasses.asdict(cell)) if isinstance(cell, Estimate) else _number(cell)
        for name, cell in row.items()
    }


def row_of(plain: Mapping[str, Any]) -> Row:
    """The row of plain values; the inverse of `plain_row`, but a single NaN remains None."""
    return {
        name: _estimate(cell) if isinstance(cell, Mapping) else cell for name, cell in plain.items()
    }


def csv_text(rows: Sequence[Row]) -> str:
    """Rows as a CSV file.

    Args:
        rows: with the same columns.

    Returns:
        The file. An estimate has four columns: value, low, high, count.
    """
    flat = []
    for row in rows:
        cells: dict[str, Any] = {}
        for name, cell in row.items():
            if isinstance(cell, Estimate):
                cells |= {
                    name: _number(cell.value),
                    f"{name}, low": _number(cell.low),
                    f"{name}, high": _number(cell.high),
                    f"{name}, count": cell.count,
                }
            else:
                cells[name] = _number(cell)
        flat.append(cells)
    columns = dict.fromkeys(name for cells in flat for name in cells)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=list(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return text.getvalue()


def _estimate(cells: Mapping[str, Any]) -> Estimate:
    value, low, high = (
        math.nan if cells[name] is None else float(cells[name]) for name in ("value", "low", "high")
    )
    return Estimate(value, low, high, cells["count"])


def _numbers(cells: dict[str, Any]) -> dict[str, Any]:
    return {name: _number(cell) for name, cell in cells.items()}


def _number(cell: object) -> object:
    """A cell without NaN; it is empty in a table."""
    return None if isinstance(cell, float) and not math.isfinite(cell) else cell
