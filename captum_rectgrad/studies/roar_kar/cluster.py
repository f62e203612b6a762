"""The engine of many machines: cells as tasks of a Ray cluster.

Workers need the package and what it depends on, and no folder in common with this process: images
and ranks travel through Ray's object store, and the answers come back to be written here. Each
worker has one thread: in its last digits a weight may differ from one trained with more.
"""

import logging
from collections.abc import Iterator, Sequence

import ray

from captum_rectgrad.studies.roar_kar.cells import Cell
from captum_rectgrad.studies.roar_kar.ranks import RankFiles
from captum_rectgrad.studies.roar_kar.training import Answers
from captum_rectgrad.studies.roar_kar.work import Work, measure_cell

# A training of the CIFAR-10 CNN keeps a data-centre card busy for a part of the time only.
GPU_SHARE = 0.25
RETRIES = 5  # of a cell whose worker, or whose machine, is lost


def on_cluster(
    address: str | None, cells: Sequence[Cell], work: Work, ranks: RankFiles
) -> Iterator[tuple[Cell, Answers]]:
    """Hand cells out to a cluster.

    Args:
        address: as `ray.init` takes it; None: the cluster that `RAY_ADDRESS` names, or else one on
            this machine alone. One that this process is connected to is used as it is.
        cells: to measure.
        work: what they are measured on; on CUDA every cell takes a share of a GPU.
        ranks: of the pixels.

    Yields:
        Each cell and its answers, as they come.

    Raises:
        RayError: a cell failed, or lost its worker more often than it is tried again.
    """
    connected = ray.is_initialized()
    if not connected:
        ray.init(address, logging_level=logging.WARNING, log_to_driver=False)
    try:
        yield from _results(cells, work, ranks)
    finally:
        if not connected:
            ray.shutdown()


def _results(cells: Sequence[Cell], work: Work, ranks: RankFiles) -> Iterator[tuple[Cell, Answers]]:
    gpus = GPU_SHARE if work.device.type == "cuda" else 0
    measure = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=RETRIES)(measure_cell)
    shared = ray.put(work)
    pairs = {
        (cell.method, cell.form): ray.put(ranks.read(cell.method, cell.form))
        for cell in cells
        if cell.method
    }
    waiting = {
        measure.remote(cell, shared, pairs.get((cell.method, cell.form))): cell for cell in cells
    }
    while waiting:
        (done, *_), _ = ray.wait(list(waiting))
        yield waiting.pop(done), ray.get(done)
