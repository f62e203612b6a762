"""A board in its folder: missing cells are measured, then a table of all cells is written."""

import dataclasses
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from captum_rectgrad.evaluation.methods import Method
from captum_rectgrad.studies.board.cells import (
    CELLS,
    FINGERPRINT,
    TITLE,
    Cell,
    remove_cells_of_other_code,
    write_cell,
)
from captum_rectgrad.studies.board.column import Column
from captum_rectgrad.studies.board.columns import COLUMNS
from captum_rectgrad.studies.board.f_fidelity import robust_network
from captum_rectgrad.studies.board.finished import finished_groups, write_networks
from captum_rectgrad.studies.board.measure import RowTask, measure_row
from captum_rectgrad.studies.board.networks import BoardGroup, BoardNetwork
from captum_rectgrad.studies.board.record import BoardPart, write_board
from captum_rectgrad.studies.board.sizes import PRESET_SIZES
from captum_rectgrad.studies.board.table import group_table
from captum_rectgrad.studies.compute.engines import Cluster, session
from captum_rectgrad.studies.compute.progress import Progress
from captum_rectgrad.studies.options import Preset
from captum_rectgrad.studies.report.provenance import name_of
from captum_rectgrad.studies.report.run_folder import claim_folder, unclaimed_if_nothing_was_done
from rectgrad_zoo.determinism import deterministic
from rectgrad_zoo.output_lock import output_lock

TUNED = "fine-tuned"
HASH_LENGTH = 12  # of the weights in a file's name
_LOG = logging.getLogger(__name__)
# From a network to its rows; expected gradients depend on it.
Rows = Callable[[BoardNetwork], Sequence[Method]]


@dataclass(frozen=True, eq=False)
class Board:
    """A board to compute.

    Attributes:
        groups: the networks.
        rows: function from a network to the methods.
        columns: the columns.
        preset: size.
        seed: seed of all random numbers.
        device: device of the computation.
        cluster: Ray cluster; None: this process.
        fingerprints: hashes of the code of the user's methods, by key; cells of a method that are
            of other code are measured again.
    """

    groups: Sequence[BoardGroup]
    rows: Rows
    columns: Sequence[Column]
    preset: Preset
    seed: int = 0
    device: torch.device = dataclasses.field(default_factory=lambda: torch.device("cpu"))
    cluster: Cluster | None = None
    fingerprints: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def settings(self) -> dict[str, Any]:
        """What all cells of a folder have in common, as plain values."""
        return {
            "board": self.preset,
            "seed": self.seed,
            **dataclasses.asdict(PRESET_SIZES[self.preset]),
        }


def run_board(board: Board, folder: Path) -> Path:
    """Measure the cells that are missing in a folder, and write the record and the report.

    The report has all cells in the folder, also those of earlier boards.

    Args:
        board: the board.
        folder: output folder.

    Returns:
        Path of the report.

    Raises:
        RectGradError: the folder holds a board of other settings, networks or images, the cluster
            is not usable, or a network fails on the device.
        ZooError: another process uses the folder.
    """
    with output_lock(folder):
        claim_folder(folder, board.settings())
        called = {method.key: method.title for method in _methods(board)}
        _remove_cells_of_other_code(board, folder)
        with session(board.cluster), unclaimed_if_nothing_was_done(folder):
            _measure_missing(board, folder)
        _note_networks(board, folder)
        groups = finished_groups(folder, board.groups, called)
        columns = [
            column
            for column in dict.fromkeys((*COLUMNS, *board.columns))
            if any(column.key in group.columns for group in groups)
        ]
        parts = [
            BoardPart(
                group,
                group_table(
                    group.table_cells(columns), [row.key for row in group.rows], columns, board.seed
                ),
            )
            for group in groups
            if group.rows
        ]
        here = board.device if board.cluster is None else board.cluster.device
        is_here = here.type != "cuda" or torch.cuda.is_available()
        return write_board(
            folder, parts, columns, board.settings(), name_of(here) if is_here else str(here)
        )


def _note_networks(board: Board, folder: Path) -> None:
    for group in board.groups:
        write_networks(folder, group)


def _methods(board: Board) -> Sequence[Method]:
    return [method for group in board.groups for method in board.rows(group.networks[0])]


def _measure_missing(board: Board, folder: Path) -> None:
    """Measure the cells without a file or without values, and save them one by one.

    A method may have been corrected, or a library installed, since a cell without values.
    """
    known: list[Cell] = []
    tasks: list[RowTask] = []
    finished = {group.name: group for group in finished_groups(folder, board.groups, {})}
    identities: dict[str, Mapping[str, str]] = {}
    for group in board.groups:
        identities |= finished[group.name].identities
        cells = dict(zip(finished[group.name].identities, finished[group.name].cells, strict=True))
        for network in group.networks:
            own: list[tuple[Method, list[Column]]] = []
            for method in board.rows(network):
                missing = []
                for column in board.columns:
                    cell = cells[network.name].get((method.key, column.key))
                    if cell is None or cell.values is None:
                        missing.append(column)
                    else:
                        known.append(cell)
                own.append((method, missing))
            robust = _robust(board, network, own, folder)
            tasks += [
                RowTask(network, method, missing, PRESET_SIZES[board.preset], board.seed, robust)
                for method, missing in own
                if missing
            ]
    count = len(known) + sum(len(task.columns) for task in tasks)
    if known:
        _LOG.info("%d of %d cells are in %s already", len(known), count, folder / CELLS)
    titles = {method.key: method.title for method in _methods(board)}
    codes = board.fingerprints
    with Progress(count, "cell", initial=len(known)) as progress:
        for number, cell in enumerate(_cells(board, tasks)):
            if number == 0:  # not earlier: a board that fails at once leaves no folder
                _note_networks(board, folder)
            code = {FINGERPRINT: codes[cell.method]} if cell.method in codes else {}
            about = {**identities[cell.network], TITLE: titles[cell.method], **code}
            write_cell(folder, cell, about)
            known.append(cell)
            progress.update(last=f"{cell.network} {cell.method} {cell.column}")
    _warn_of_methods_without_values(known)


def _remove_cells_of_other_code(board: Board, folder: Path) -> None:
    for method, fingerprint in board.fingerprints.items():
        count = remove_cells_of_other_code(folder, method, fingerprint)
        if count:
            _LOG.info("the code of %s has changed: its %d cells are removed", method, count)


def _warn_of_methods_without_values(cells: Sequence[Cell]) -> None:
    reasons: dict[tuple[str, str], str] = {}
    known = {(cell.network, cell.method) for cell in cells if cell.values is not None}
    for cell in cells:
        # Of the last column, which is the cost unless it was not chosen; networks lack others.
        reasons[cell.network, cell.method] = cell.reason
    for (network, method), reason in reasons.items():
        if (network, method) not in known:
            _LOG.warning("%s has no value on %s: %s", method, network, reason)


def _robust(
    board: Board,
    network: BoardNetwork,
    own: Sequence[tuple[Method, Sequence[Column]]],
    folder: Path,
) -> nn.Module | None:
    """The network fine-tuned for F-Fidelity, if a missing cell needs it."""
    missing = {column.key for _, columns in own for column in columns}
    if not any(key.startswith("f-fidelity") for key in missing):
        return None
    weights = network.identity()["weights"][:HASH_LENGTH]
    file = folder / TUNED / f"{network.name}-{weights}.safetensors"
    network.move(board.device)
    with deterministic(board.device):
        count = PRESET_SIZES[board.preset].fine_tuning
        return robust_network(network, count, board.seed, file)


def _cells(board: Board, tasks: Sequence[RowTask]) -> Iterator[Cell]:
    if board.cluster is not None:
        from captum_rectgrad.studies.board.cluster import rows_on_cluster  # noqa: PLC0415 (Ray)

        yield from rows_on_cluster(board.cluster, tasks)
        return
    with deterministic(board.device):
        for task in tasks:
            yield from measure_row(task, board.device)
