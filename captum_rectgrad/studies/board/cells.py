"""Files of cells: one network, method and column each."""

import glob
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from captum_rectgrad.errors import RectGradError
from captum_rectgrad.studies.board.column import Values
from captum_rectgrad.studies.report.run_folder import differences
from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.input_files import read_json_object
from rectgrad_zoo.written_whole import write_text

CELLS = "cells"
NOT_MEASURED = "not measured"  # reason of a cell that no command has computed
# Keys in the files. Only cells of a user's method have the code.
TITLE, FINGERPRINT = "title", "code"


@dataclass(frozen=True, eq=False)
class Cell:
    """The result of one method in one column on one network.

    Attributes:
        network: name of the network.
        method: key of the method.
        column: key of the column.
        values: one for each image, `(N,)`, NaN where the measure is not defined; None: not
            available.
        reason: why it is not available; empty if it is.
    """

    network: str
    method: str
    column: str
    values: Values | None
    reason: str = ""


def cell_file(folder: Path, network: str, method: str, column: str) -> Path:
    """Path of a cell's result in the folder of a board."""
    return folder / CELLS / network / method / f"{column}.json"


def write_cell(folder: Path, cell: Cell, about: Mapping[str, str]) -> None:
    """Save a cell atomically.

    Args:
        folder: folder of the board.
        cell: the cell.
        about: hashes of the network and its images, the title of the method, and the hash of the
            code of a user's method.
    """
    values = None
    if cell.values is not None:
        values = [value if math.isfinite(value) else None for value in cell.values.tolist()]
    content = {
        "network": cell.network,
        "method": cell.method,
        "column": cell.column,
        **about,
        "reason": cell.reason,
        "values": values,
    }
    file = cell_file(folder, cell.network, cell.method, cell.column)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_text(file, json.dumps(content) + "\n")


def read_cell(
    folder: Path, network: str, method: str, column: str, identity: Mapping[str, str]
) -> Cell | None:
    """Load a cell.

    Args:
        folder: folder of the board.
        network: name of the network.
        method: key of the method.
        column: key of the column.
        identity: hashes of the network and its images.

    Returns:
        The cell; None if there is no file, or it is damaged.

    Raises:
        RectGradError: the cell is of another network or other images of the same name.
    """
    file = cell_file(folder, network, method, column)
    try:
        content = read_json_object(file)
        found = {key: content[key] for key in identity}
        given = content["values"]
        values = None if given is None else np.array(given, dtype=np.float64)
        reason = str(content["reason"])
    except (OSError, ZooError, KeyError, TypeError, ValueError):
        return None
    different = differences(found, dict(identity))
    if different:
        raise RectGradError(
            f"{file} is of another network or other images: {different}. Give another folder with "
            "--out, or delete this one"
        )
    return Cell(network, method, column, values, reason)


def remove_cells_of_other_code(folder: Path, method: str, fingerprint: str) -> int:
    """Remove the cells of a user's method, of all networks, that earlier code of it has.

    Args:
        folder: folder of the board.
        method: key of the method.
        fingerprint: hash of its present code.

    Returns:
        The number of removed cells.
    """
    removed = 0
    for file in sorted((folder / CELLS).glob(f"*/{glob.escape(method)}/*.json")):
        try:
            same = read_json_object(file).get(FINGERPRINT) == fingerprint
        except (OSError, ZooError):
            same = False
        if not same:
            file.unlink()
            removed += 1
    return removed
