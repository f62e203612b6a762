"""The table of columns."""

from collections.abc import Sequence

from captum_rectgrad.studies.board import (
    dependence,
    f_fidelity,
    faithfulness,
    form,
    localisation,
    regions,
)
from captum_rectgrad.studies.board.column import Column

COLUMNS: tuple[Column, ...] = (
    *localisation.COLUMNS,
    *regions.COLUMNS,
    *faithfulness.COLUMNS,
    *f_fidelity.COLUMNS,
    *dependence.COLUMNS,
    *form.COLUMNS,
)


def choose_columns(keys: Sequence[str] | None) -> tuple[Column, ...]:
    """Columns by key.

    Args:
        keys: keys, in any order; None: all.

    Returns:
        The columns, in the order of the table.

    Raises:
        ValueError: a key is unknown, or there is none.
    """
    if keys is None:
        return COLUMNS
    known = [column.key for column in COLUMNS]
    if not keys:
        raise ValueError(f"got no column; choose from {', '.join(known)}")
    for key in keys:
        if key not in known:
            raise ValueError(f"{key!r} is not a column; choose from {', '.join(known)}")
    return tuple(column for column in COLUMNS if column.key in keys)
