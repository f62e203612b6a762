"""Maps of a cluster are those of this process, whatever becomes of its nodes."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from captum_rectgrad.errors import RectGradError
from captum_rectgrad.evaluation.methods import MethodUnreliableError
from captum_rectgrad.studies.compute.engines import Cluster, session
from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.framework.registry import find
from captum_rectgrad.studies.report.run_studies import run_study
from tests.support.nodes import NODE, RAY

ray = pytest.importorskip("ray")
pytestmark = RAY


def test_a_study_on_a_cluster_gives_the_rows_of_this_process(
    cluster: Any, context: Callable[..., StudyContext]
) -> None:
    cluster.add_node(**NODE)
    made = context("saliency", "rectgrad", "random")
    there = replace(made, folder=made.folder / "there", cluster=Cluster(cluster.address), used={})
    here = replace(made, folder=made.folder / "here", used={})
    found = {}
    for one in (there, here):
        run_study(find("total-variation"), "smoke", one)
        found[one.folder.name] = json.loads((one.folder / "result.json").read_text())
    for row, expected in zip(found["there"]["rows"], found["here"]["rows"], strict=True):
        assert row.keys() == expected.keys()
        for name, cell in row.items():
            same = expected[name]
            assert cell == (same if isinstance(same, str) else pytest.approx(same, rel=1e-4)), name
    engine = found["there"]["provenance"]["engine"]
    assert engine == {"name": "ray", "version": ray.__version__, "threads of a worker": 1}
    assert not ray.is_initialized()


def test_a_lost_node_loses_no_map(cluster: Any, context: Callable[..., StudyContext]) -> None:
    second = cluster.add_node(**NODE)
    here = replace(context("smoothgrad"), batch_size=2)
    there = replace(here, cluster=Cluster(cluster.address))
    network, data, (method,) = here.network("plain"), here.images("test"), here.methods
    expected = here.few_maps(method, network, data.images, data.labels)
    removal = threading.Thread(target=cluster.remove_node, args=(second, False))
    found = []
    for number, batch in enumerate(there.maps(method, network, data.images, data.labels)):
        found.append(batch.maps)
        if number == 1:
            assert sum(node["Alive"] for node in ray.nodes()) == 2
            removal.start()
    removal.join()
    torch.testing.assert_close(torch.cat(found), expected)


def not_itself(*_: object) -> torch.Tensor:
    raise MethodUnreliableError("unreliable there")


def test_what_a_cluster_cannot_do_is_said(
    cluster: Any, context: Callable[..., StudyContext]
) -> None:
    without_gpu = Cluster(cluster.address, torch.device("cuda"))
    with pytest.raises(RectGradError, match="cluster has no GPU"), session(without_gpu):
        pass
    there = replace(context("saliency"), cluster=Cluster(cluster.address))
    network, data = there.network("plain"), there.images("test")
    broken = replace(there.methods[0], attribute=not_itself)
    with pytest.raises(MethodUnreliableError, match=r"^unreliable there$"):
        there.few_maps(broken, network, data.images, data.labels)
