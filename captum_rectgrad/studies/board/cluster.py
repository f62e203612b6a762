"""Rows of a board as tasks of a Ray cluster."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import ray
import torch

from captum_rectgrad.studies.board.cells import Cell
from captum_rectgrad.studies.board.measure import RowTask, measure_row
from captum_rectgrad.studies.compute.cluster import connected, result, task
from captum_rectgrad.studies.compute.engines import Cluster


def rows_on_cluster(cluster: Cluster, rows: Sequence[RowTask]) -> Iterator[Cell]:
    """Measure rows on a cluster.

    Args:
        cluster: the cluster.
        rows: the rows. Networks are sent once for each row.

    Yields:
        The cells, in order of completion of the rows.

    Raises:
        RectGradError: a row lost its worker at all retries.
    """
    with connected(cluster):
        measure = task(_measure, cluster.device)
        waiting = [measure(_light(row), cluster.device) for row in rows]
        while waiting:
            done, waiting = ray.wait(waiting)
            for reference in done:
                yield from result(reference)


def _light(row: RowTask) -> RowTask:
    """The row with one training image: workers train nothing, and a data set is large."""
    training = row.network.training
    if training is None:
        return row
    one = replace(training, images=training.images[:1].clone(), labels=training.labels[:1].clone())
    return replace(row, network=replace(row.network, training=one))


def _measure(row: RowTask, device: torch.device) -> list[Cell]:
    return list(measure_row(row, device))
