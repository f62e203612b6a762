"""The engine of many machines: cells as tasks of a Ray cluster.

Ranks travel through Ray's object store, and the answers come back to be written here.
"""

from collections.abc import Iterator, Sequence

import ray

from captum_rectgrad.studies.compute.cluster import connected, result, task
from captum_rectgrad.studies.compute.engines import Cluster
from captum_rectgrad.studies.roar_kar.cell_inputs import Work, measure_cell
from captum_rectgrad.studies.roar_kar.cells import Cell
from captum_rectgrad.studies.roar_kar.ranks import RankFiles
from captum_rectgrad.studies.roar_kar.training import Answers


def on_cluster(
    cluster: Cluster, cells: Sequence[Cell], work: Work, ranks: RankFiles
) -> Iterator[tuple[Cell, Answers]]:
    """Hand cells out to a cluster.

    Args:
        cluster: which. One that this process is connected to is used as it is.
        cells: to measure.
        work: what they are measured on; on CUDA every cell takes a share of a GPU.
        ranks: of the pixels.

    Yields:
        Each cell and its answers, as they come.

    Raises:
        RectGradError: a cell lost its worker more often than it is tried again.
    """
    with connected(cluster):
        measure = task(measure_cell, work.device)
        shared = ray.put(work)
        pairs = {
            (cell.method, cell.form): ray.put(ranks.read(cell.method, cell.form))
            for cell in cells
            if cell.method
        }
        waiting = {
            measure(cell, shared, pairs.get((cell.method, cell.form))): cell for cell in cells
        }
        while waiting:
            (done, *_), _ = ray.wait(list(waiting))
            yield waiting.pop(done), result(done)
