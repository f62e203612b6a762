"""All cells in the folder of a board, of every command that has written there."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from captum_rectgrad.errors import RectGradError
from captum_rectgrad.studies.board.cells import CELLS, NOT_MEASURED, TITLE, Cell, read_cell
from captum_rectgrad.studies.board.column import Column
from captum_rectgrad.studies.board.groups import GROUPS
from captum_rectgrad.studies.board.networks import BoardGroup
from captum_rectgrad.studies.board.rows import KEYS, titles
from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.input_files import read_json_object
from rectgrad_zoo.written_whole import write_text

NETWORK = "network.json"  # in the folder of the cells of a network: its group and its identity


@dataclass(frozen=True)
class Row:
    """A method of the table.

    Attributes:
        key: name in files.
        title: name in the report.
    """

    key: str
    title: str


@dataclass(frozen=True)
class FinishedGroup:
    """The cells of a group of networks.

    Attributes:
        name: name of the group.
        data: name of the data set.
        note: a sentence for the report; may be empty.
        identities: of each network, by name; see `BoardNetwork.identity`.
        rows: the methods that have a cell, in the order of the board, then the user's by key.
        columns: keys of the columns that have a cell.
        cells: for each network the cells of all its methods and columns that were computed.
    """

    name: str
    data: str
    note: str
    identities: Mapping[str, Mapping[str, str]]
    rows: Sequence[Row]
    columns: frozenset[str]
    cells: Sequence[Mapping[tuple[str, str], Cell]]

    def table_cells(self, columns: Sequence[Column]) -> list[list[Cell]]:
        """The cells of a table; cells that were not computed have a reason.

        Args:
            columns: the columns of the table.

        Returns:
            For each network its cells.
        """
        return [
            [
                cells.get(
                    (row.key, column.key),
                    Cell(name, row.key, column.key, None, NOT_MEASURED),
                )
                for row in self.rows
                for column in columns
            ]
            for name, cells in zip(self.identities, self.cells, strict=True)
        ]


def write_networks(folder: Path, group: BoardGroup) -> None:
    """Save the group and the identity of networks beside their cells.

    Args:
        folder: folder of the board.
        group: the networks.
    """
    for network in group.networks:
        content = {
            "group": group.name,
            "data": group.data,
            "note": group.note,
            "identity": network.identity(),
        }
        file = folder / CELLS / network.name / NETWORK
        file.parent.mkdir(parents=True, exist_ok=True)
        write_text(file, json.dumps(content) + "\n")


def finished_groups(
    folder: Path, groups: Iterable[BoardGroup], known: Mapping[str, str]
) -> list[FinishedGroup]:
    """All groups in a folder.

    Args:
        folder: folder of the board.
        groups: groups whose networks are those given, even if the folder has cells of further ones.
        known: titles of methods by key.

    Returns:
        The groups in the order of `GROUPS`, then others by name.

    Raises:
        RectGradError: a cell is of another network or other images than its group, or the file of
            a network is damaged.
    """
    groups = list(groups)
    found = _recorded_groups(folder, {each.name for group in groups for each in group.networks})
    for group in groups:
        identities = {network.name: network.identity() for network in group.networks}
        found[group.name] = {"data": group.data, "note": group.note, "networks": identities}
    order = {name: place for place, name in enumerate(GROUPS)}
    names = sorted(found, key=lambda name: (order.get(name, len(order)), name))
    return [_finished(folder, name, found[name], known) for name in names]


def _recorded_groups(folder: Path, given: Collection[str]) -> dict[str, dict[str, Any]]:
    """Data, note and identities by group, of the networks that are not given."""
    found: dict[str, dict[str, Any]] = {}
    for place in sorted((folder / CELLS).glob("*/")):
        if place.name in given:
            continue
        try:
            content = read_json_object(place / NETWORK)
            group = found.setdefault(content["group"], {**content, "networks": {}})
            group["networks"][place.name] = content["identity"]
        except (OSError, ZooError, KeyError) as error:
            raise RectGradError(
                f"{place / NETWORK} is missing or damaged. Run the command of this network again, "
                f"or delete {place}"
            ) from error
    return found


def _finished(
    folder: Path, name: str, group: Mapping[str, Any], known: Mapping[str, str]
) -> FinishedGroup:
    identities = dict(sorted(group["networks"].items()))
    called = {**titles(), **known}
    cells: list[dict[tuple[str, str], Cell]] = []
    for network, identity in identities.items():
        own: dict[tuple[str, str], Cell] = {}
        for file in (folder / CELLS / network).glob("*/*.json"):
            method, column = file.parent.name, file.stem
            cell = read_cell(folder, network, method, column, identity)
            if cell is not None:
                own[method, column] = cell
                if method not in called:
                    called[method] = str(read_json_object(file)[TITLE])
        cells.append(own)
    keys = [key for own in cells for key in own]
    order = {key: place for place, key in enumerate(KEYS)}
    methods = sorted({method for method, _ in keys}, key=lambda m: (order.get(m, len(order)), m))
    return FinishedGroup(
        name=name,
        data=group["data"],
        note=group["note"],
        identities=identities,
        rows=[Row(method, " ".join(called[method].split()) or method) for method in methods],
        columns=frozenset(column for _, column in keys),
        cells=cells,
    )
