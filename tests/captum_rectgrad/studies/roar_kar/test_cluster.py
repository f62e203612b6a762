"""Two nodes on this machine, one of which is lost in the middle of a run."""

import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from captum_rectgrad.studies.compute.engines import Cluster
from captum_rectgrad.studies.roar_kar.cell_inputs import Work
from captum_rectgrad.studies.roar_kar.cells import Cell
from captum_rectgrad.studies.roar_kar.engines import local
from captum_rectgrad.studies.roar_kar.ranks import RankFiles
from tests.support.nodes import NODE, RAY

ray = pytest.importorskip("ray")

pytestmark = RAY
CELLS = [
    Cell("roar", "saliency", "signed", fraction, network)
    for fraction in (0.1, 0.5, 0.9)
    for network in range(2)
] + [Cell("whole", "", "signed", 0, 0)]


def test_a_lost_node_loses_no_cell(cluster: Any, work: Work, ranks: RankFiles) -> None:
    from captum_rectgrad.studies.roar_kar.cluster import on_cluster  # noqa: PLC0415 (needs Ray)

    second = cluster.add_node(**NODE)
    work = replace(work, training=replace(work.training, epochs=8))
    expected = dict(local(CELLS, work, ranks))
    found: list[Cell] = []
    removal = threading.Thread(target=cluster.remove_node, args=(second, False))
    for cell, answers in on_cluster(Cluster(cluster.address), CELLS, work, ranks):
        if not found:
            assert sum(node["Alive"] for node in ray.nodes()) == 2
        found.append(cell)
        assert np.array_equal(answers, expected[cell])
        if len(found) == 2:
            removal.start()
    removal.join()
    assert sorted(found, key=lambda cell: cell.name) == sorted(CELLS, key=lambda cell: cell.name)
    assert not ray.is_initialized()
