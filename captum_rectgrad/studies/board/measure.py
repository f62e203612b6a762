"""Measurement of a row: all columns of one method on one network."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn

from captum_rectgrad.errors import RectGradError
from captum_rectgrad.evaluation.methods import Method
from captum_rectgrad.studies.board.cells import Cell
from captum_rectgrad.studies.board.column import Column
from captum_rectgrad.studies.board.explained import Explained
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
        The cells; where the method or the measure refuses the network, with a reason.

    Raises:
        RectGradError: the network fails on the device.
    """
    # A copy, since a method may change the network or leave hooks on it.
    network, method = replace(task.network, model=copy.deepcopy(task.network.model)), task.method
    network.move(device)
    robust = None if task.robust is None else task.robust.to(device)
    explained = Explained(method, network, task.sizes, task.seed, robust)
    for column in task.columns:
        values = None
        # Maps are computed for a column that the network has, not for those it lacks.
        reason = column.lacks(network) or explained.refusal
        if reason is None:
            try:
                values = column.measure(explained)
            except RectGradError as error:
                reason = str(error)
        yield Cell(network.name, method.key, column.key, values, reason or "")
