"""Two nodes on this machine, one of which is lost in the middle of a run."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from captum_rectgrad.studies.roar_kar.cells import Cell
from captum_rectgrad.studies.roar_kar.engines import local
from captum_rectgrad.studies.roar_kar.ranks import RankFiles
from captum_rectgrad.studies.roar_kar.work import Work

ray = pytest.importorskip("ray")
cluster_utils = pytest.importorskip("ray.cluster_utils")

pytestmark = [
    pytest.mark.slow,
    # Of Ray itself: sockets and processes of what it started, and what it will change.
    pytest.mark.filterwarnings(
        "ignore::ResourceWarning",
        "ignore::FutureWarning:ray",
        "ignore::DeprecationWarning:ray",
        "ignore::pytest.PytestUnraisableExceptionWarning",
    ),
]
NODE = {"num_cpus": 1, "num_gpus": 0, "object_store_memory": 100 * 2**20}
CELLS = [
    Cell("roar", "saliency", "signed", fraction, network)
    for fraction in (0.1, 0.5, 0.9)
    for network in range(2)
] + [Cell("whole", "", "signed", 0, 0)]


@pytest.fixture
def cluster() -> Iterator[Any]:
    made = cluster_utils.Cluster(
        initialize_head=True, head_node_args={**NODE, "include_dashboard": False}
    )
    try:
        yield made
    finally:
        ray.shutdown()
        made.shutdown()


def test_a_lost_node_loses_no_cell(cluster: Any, work: Work, ranks: RankFiles) -> None:
    from captum_rectgrad.studies.roar_kar.cluster import on_cluster  # noqa: PLC0415 (needs Ray)

    second = cluster.add_node(**NODE)
    work = replace(work, training=replace(work.training, epochs=8))
    expected = dict(local(CELLS, work, ranks))
    found: list[Cell] = []
    removal = threading.Thread(target=cluster.remove_node, args=(second, False))
    for cell, answers in on_cluster(cluster.address, CELLS, work, ranks):
        if not found:
            assert sum(node["Alive"] for node in ray.nodes()) == 2
        found.append(cell)
        assert np.array_equal(answers, expected[cell])
        if len(found) == 2:
            removal.start()
    removal.join()
    assert sorted(found, key=lambda cell: cell.name) == sorted(CELLS, key=lambda cell: cell.name)
    assert not ray.is_initialized()
