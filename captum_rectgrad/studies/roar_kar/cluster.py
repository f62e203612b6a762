"""The Ray engine: cells as tasks of a cluster.

Ranks are sent through Ray's object store, and results are returned to this process, which saves
them.
"""

from collections.abc import Callable, Iterator, Sequence

import ray

from captum_rectgrad.studies.compute.cluster import connected, result, task
from captum_rectgrad.studies.compute.engines import Cluster
from captum_rectgrad.studies.roar_kar.cell_inputs import CellInputs, measure_cell
from captum_rectgrad.studies.roar_kar.cells import Cell
from captum_rectgrad.studies.roar_kar.ranks import RankFiles
from captum_rectgrad.studies.roar_kar.training import Answers

BEAT = 5.0  # seconds between two descriptions of the progress


def on_cluster(
    cluster: Cluster,
    cells: Sequence[Cell],
    work: CellInputs,
    ranks: RankFiles,
    beat: Callable[[str], object] = str,
) -> Iterator[tuple[Cell, Answers]]:
    """Measure cells on a cluster.

    Args:
        cluster: the cluster. An existing connection is used.
        cells: cells to measure.
        work: their inputs; on CUDA every cell uses a share of a GPU.
        ranks: ranks of the pixels.
        beat: called now and then with a description of the progress.

    Yields:
        Each cell and its answers, in order of completion.

    Raises:
        RectGradError: a cell lost its worker at all retries.
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
            beat(f"{len(waiting)} tasks")
            done, _ = ray.wait(list(waiting), timeout=BEAT)
            for reference in done:
                yield waiting.pop(reference), result(reference)
