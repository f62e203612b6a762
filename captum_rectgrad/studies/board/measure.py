"""Measurement of a row: all columns of one method on one network."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from captum_rectgrad.evaluation.methods import Method, MethodUnreliableError
from captum_rectgrad.studies.board.cells import Cell
from captum_rectgrad.studies.board.column import Column
from captum_rectgrad.studies.board.explained import Explained, UnusableMapsError
from captum_rectgrad.studies.board.networks import BoardNetwork
from captum_rectgrad.studies.board.sizes import BoardSizes


@dataclass(frozen=True, eq=False)
class RowTask:
    """One method on one network, and the columns to measure.

    Attributes:
        network: the network.
        method: the method.
        columns: the columns.
        sizes: budgets.
        seed: seed of all random numbers.
        robust: the network fine-tuned for F-Fidelity, or None.
    """

    network: BoardNetwork
    method: Method
    columns: Sequence[Column]
    sizes: BoardSizes
    seed: int
    robust: nn.Module | None


def measure_row(task: RowTask, device: torch.device) -> Iterator[Cell]:
    """Measure the columns of a row.

    Args:
        task: the row.
        device: device of the computation.

    Yields:
        The cells; a refusal by the method or the network is a cell with a reason.

    Raises:
        RectGradError: the network fails on the device.
    """
    network, method = task.network, task.method
    network.move(device)
    robust = None if task.robust is None else task.robust.to(device)
    explained = Explained(method, network, task.sizes, task.seed, robust)
    refusal = _refusal(explained)
    for column in task.columns:
        reason = column.lacks(network) or refusal
        values = None
        if reason is None:
            try:
                values = column.measure(explained)
            except (MethodUnreliableError, UnusableMapsError) as error:
                reason = str(error)
        yield Cell(network.name, method.key, column.key, values, reason or "")


def _refusal(explained: Explained) -> str | None:
    """Why the method has no maps of the network at all, or None."""
    network, method = explained.network, explained.method
    if not method.applies(network.model, network.inputs[:1].to(explained.device)):
        return f"{method.title} is the same as another method here: the network has no max-pooling"
    try:
        maps = explained.own_maps
    except (MethodUnreliableError, UnusableMapsError) as error:
        return str(error)
    if bool(explained.constant.all()):
        return f"all {len(maps)} maps are constant: they rank no pixels"
    return None
