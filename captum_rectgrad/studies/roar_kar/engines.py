"""Who measures the cells: this process, one after the other, or a Ray cluster."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from captum_rectgrad.studies.engines import require_ray
from captum_rectgrad.studies.lab import Lab
from captum_rectgrad.studies.roar_kar.cells import Cell
from captum_rectgrad.studies.roar_kar.ranks import RankFiles, RankPair
from captum_rectgrad.studies.roar_kar.training import Answers
from captum_rectgrad.studies.roar_kar.work import Work, measure_cell

# Measures cells, in any order, and gives each one's answers as soon as they are there.
Engine = Callable[[Sequence[Cell], Work, RankFiles], Iterator[tuple[Cell, Answers]]]


def engine_of(lab: Lab) -> Engine:
    """The engine that a lab asks for.

    Args:
        lab: its cluster.

    Returns:
        The engine.

    Raises:
        RectGradError: Ray is asked for and is not installed.
    """
    if lab.cluster is None:
        return local
    require_ray()
    from captum_rectgrad.studies.roar_kar.cluster import on_cluster  # noqa: PLC0415 (needs Ray)

    return partial(on_cluster, lab.cluster)


def local(cells: Sequence[Cell], work: Work, ranks: RankFiles) -> Iterator[tuple[Cell, Answers]]:
    """The engine of one machine: one cell after the other, in this process.

    Args:
        cells: to measure.
        work: what they are measured on.
        ranks: of the pixels.

    Yields:
        Each cell and its answers.
    """
    for cell in cells:
        yield cell, measure_cell(cell, work, ranks_of(cell, ranks))


def ranks_of(cell: Cell, ranks: RankFiles) -> RankPair | None:
    """The ranks that a cell needs, if any."""
    return ranks.read(cell.method, cell.form) if cell.method else None
