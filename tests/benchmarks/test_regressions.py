"""The job that looks for regressions counts the same each time, and finds what costs more."""

import json

import pytest
from torch import Tensor, nn

from benchmarks.attribution.cases import Case
from benchmarks.attribution.methods import BASELINE, RECTGRAD, Attribute, Method
from benchmarks.regressions import CASES, RECORD, counted, worse

TINY = Case("cifar10_cnn", 2, 32)
RECORDED = {"operations": 1000.0, "nodes": 100.0, "ratio": 1.2, "ratio at least": 1.1}


def _with_twenty_more(model: nn.Module) -> Attribute:
    attribute = RECTGRAD.made(model)

    def attribute_and_negate(images: Tensor, target: Tensor) -> Tensor:
        maps = attribute(images, target)
        for _ in range(20):
            maps = -maps
        return maps

    return attribute_and_negate


@pytest.mark.usefixtures("unperturbed")
def test_counts_are_exact() -> None:
    first = counted(TINY, RECTGRAD)
    assert counted(TINY, RECTGRAD) == first
    more = counted(TINY, Method("more", "More", _with_twenty_more))
    assert more == (first[0] + 20, first[1])
    operations, nodes = counted(TINY, BASELINE)
    # Four convolutions, two pools, five activations and two dense layers have a node each at least.
    assert 13 <= nodes < operations
    assert first[1] >= 13


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, []),
        ({"operations": 1049, "nodes": 104, "ratio at least": 1.49, "ratio": 2.0}, []),
        ({"operations": 1051}, ["net: 1051 operations; recorded 1000"]),
        ({"nodes": 106}, ["net: 106 nodes; recorded 100"]),
        (
            {"ratio": 1.6, "ratio at least": 1.51},
            ["net: 1.60 times Saliency, at least 1.51; recorded 1.20, allowed 1.50"],
        ),
    ],
)
def test_what_costs_more_is_found(changed: dict[str, float], expected: list[str]) -> None:
    assert worse("net", RECORDED | changed, RECORDED) == expected


def test_the_record_has_every_network() -> None:
    recorded = json.loads(RECORD.read_text(encoding="utf-8"))
    assert recorded["costs"].keys() == {case.title for case in CASES}
    for title, costs in recorded["costs"].items():
        assert worse(title, costs, costs) == []
