"""Who measures the cells: this process, a few at a time, or a Ray cluster."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import torch

from captum_rectgrad.studies.compute.batches import in_batches
from captum_rectgrad.studies.compute.engines import require_ray
from captum_rectgrad.studies.framework.lab import Lab
from captum_rectgrad.studies.roar_kar.cell_inputs import RankPairs, Work, measure_cells
from captum_rectgrad.studies.roar_kar.cells import ROAD, Cell
from captum_rectgrad.studies.roar_kar.ranks import RankFiles
from captum_rectgrad.studies.roar_kar.training import Answers

# Measures cells, in any order, and gives each one's answers as soon as they are there.
Engine = Callable[[Sequence[Cell], Work, RankFiles], Iterator[tuple[Cell, Answers]]]

# Networks trained at once on a GPU. On a CPU they would only wait for each other.
STACK = 16


def engine_of(lab: Lab) -> Engine:
    """The engine that a lab asks for.

    Args:
        lab: its cluster, its device and its stack.

    Returns:
        The engine.

    Raises:
        RectGradError: Ray is asked for and is not installed.
    """
    if lab.cluster is None:
        return partial(local, stack=lab.stack or default_stack(lab.device))
    require_ray()
    from captum_rectgrad.studies.roar_kar.cluster import on_cluster  # noqa: PLC0415 (needs Ray)

    return partial(on_cluster, lab.cluster)


def default_stack(device: torch.device) -> int:
    """How many networks are trained at once where nobody says.

    Args:
        device: where.
    """
    return STACK if device.type == "cuda" else 1


def local(
    cells: Sequence[Cell], work: Work, ranks: RankFiles, stack: int = 1
) -> Iterator[tuple[Cell, Answers]]:
    """The engine of one machine: a few cells at a time, in this process.

    Args:
        cells: to measure.
        work: what they are measured on.
        ranks: of the pixels.
        stack: cells at a time; halved where the memory runs out.

    Yields:
        Each cell and its answers.
    """
    # Those that train come first: together they fill whole stacks.
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
