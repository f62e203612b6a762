"""Engines that measure cells: this process, or a Ray cluster."""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import torch

from captum_rectgrad.studies.compute.batches import in_batches
from captum_rectgrad.studies.compute.engines import require_ray
from captum_rectgrad.studies.compute.time_limit import TimeLimit
from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.roar_kar.cell_inputs import CellInputs, RankPairs, measure_cells
from captum_rectgrad.studies.roar_kar.cells import ROAD, Cell
from captum_rectgrad.studies.roar_kar.ranks import RankFiles
from captum_rectgrad.studies.roar_kar.training import Answers

# Measures cells in any order, and yields the results of each cell when it is done. The last
# argument is called with descriptions of the progress.
Engine = Callable[
    [Sequence[Cell], CellInputs, RankFiles, Callable[[str], object]],
    Iterator[tuple[Cell, Answers]],
]

# Number of networks trained at once on a GPU: each network of table 1's 81 cells is three stacks.
# On a CPU more than one is not faster.
STACK = 27


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
        stack = context.stack or default_stack(context.device)
        return partial(local, stack=stack, limit=context.time_limit)
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
    cells: Sequence[Cell],
    work: CellInputs,
    ranks: RankFiles,
    beat: Callable[[str], object] = str,
    *,
    stack: int = 1,
    limit: TimeLimit | None = None,
) -> Iterator[tuple[Cell, Answers]]:
    """The engine of this process: several cells at a time.

    Args:
        cells: cells to measure.
        work: their inputs.
        ranks: ranks of the pixels.
        beat: called before every step with a description of the progress.
        stack: number of cells at a time, halved after an out-of-memory error.
        limit: limit on the time. No stack is begun that is not expected to end in time.

    Yields:
        Each cell and its answers.

    Raises:
        TimeUpError: the time is up; the cells that were not yielded are lost.
    """
    limit = limit or TimeLimit()
    trained = [cell for cell in cells if cell.measure not in ROAD]
    # Always whole stacks, since the last digits of a result depend on their size on a GPU.
    filled = trained + trained[-1:] * (-len(trained) % stack)
    others = [cell for cell in cells if cell.measure in ROAD]
    ordered = filled + others

    def step(what: str) -> None:
        limit.check()
        beat(what)

    def compute(part: slice) -> list[Answers]:
        return measure_cells(ordered[part], work, ranks_of(ordered[part], ranks), step)

    begun = time.monotonic()
    for part, found in in_batches(len(ordered), stack, compute, "networks"):
        yield from dict(zip(ordered[part], found, strict=True)).items()
        if part.stop < len(filled):
            limit.check(needed=time.monotonic() - begun)
        begun = time.monotonic()


def ranks_of(cells: Sequence[Cell], ranks: RankFiles) -> RankPairs:
    """The ranks that cells need."""
    return {
        (cell.method, cell.form): ranks.read(cell.method, cell.form)
        for cell in cells
        if cell.method
    }
