"""Engines that measure cells: this process, or a Ray cluster."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import torch

from captum_rectgrad.studies.compute.batches import in_batches
from captum_rectgrad.studies.compute.engines import require_ray
from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.roar_kar.cell_inputs import CellInputs, RankPairs, measure_cells
from captum_rectgrad.studies.roar_kar.cells import ROAD, Cell
from captum_rectgrad.studies.roar_kar.ranks import RankFiles
from captum_rectgrad.studies.roar_kar.training import Answers

# Measures cells in any order, and yields the results of each cell when it is done.
Engine = Callable[[Sequence[Cell], CellInputs, RankFiles], Iterator[tuple[Cell, Answers]]]

# Number of networks trained at once on a GPU. On a CPU this is not faster.
STACK = 16


def engine_of(context: StudyContext) -> Engine:
    """The engine that the context asks for.

    Args:
        context: its cluster, device and stack are used.

    Returns:
        The engine.

    Raises:
        RectGradError: the engine is Ray, which is not installed.
    """
    if context.cluster is None:
        return partial(local, stack=context.stack or default_stack(context.device))
    require_ray()
    from captum_rectgrad.studies.roar_kar.cluster import on_cluster  # noqa: PLC0415 (needs Ray)

    return partial(on_cluster, context.cluster)


def default_stack(device: torch.device) -> int:
    """The default number of networks trained at once.

    Args:
        device: device of the trainings.
    """
    return STACK if device.type == "cuda" else 1


def local(
    cells: Sequence[Cell], work: CellInputs, ranks: RankFiles, stack: int = 1
) -> Iterator[tuple[Cell, Answers]]:
    """The engine of this process: several cells at a time.

    Args:
        cells: cells to measure.
        work: their inputs.
        ranks: ranks of the pixels.
        stack: number of cells at a time, halved after an out-of-memory error.

    Yields:
        Each cell and its answers.
    """
    # Cells with a training come first, so that they fill whole stacks.
    ordered = sorted(cells, key=lambda cell: cell.measure in ROAD)

    def compute(part: slice) -> list[Answers]:
        return measure_cells(ordered[part], work, ranks_of(ordered[part], ranks))

    for part, found in in_batches(len(ordered), stack, compute, "networks"):
        yield from zip(ordered[part], found, strict=True)


def ranks_of(cells: Sequence[Cell], ranks: RankFiles) -> RankPairs:
    """The ranks that cells need."""
    return {
        (cell.method, cell.form): ranks.read(cell.method, cell.form)
        for cell in cells
        if cell.method
    }
