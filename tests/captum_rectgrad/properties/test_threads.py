"""Threads that share one model."""

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from hypothesis import given
from torch import Tensor, nn

from captum_rectgrad import RectGrad
from tests.support.property_nets import CLASSES, REPRODUCIBLE, Activation, Block, Net, NetSpec, nets
from tests.support.property_state import snapshot

# Nets this small are sometimes cut off whole.
pytestmark = pytest.mark.filterwarnings("ignore:attribution of sample")

# Modules and functions, in place or not, batch-norm, pools, a second branch.
SHARED = NetSpec(
    dims=2,
    blocks=(
        Block(Activation("relu", in_place=True), norm=True, skip=True, repeats=2),
        Block(Activation("silu", "function"), pool="module"),
        Block(Activation("relu", "method", in_place=True)),
    ),
    last=Activation("leaky_relu"),
    side=Activation("tanh"),
    reuse=True,
)
CHOICES: list[dict[str, Any]] = [
    {"percentile": 30, "rule": "PR1"},
    {"percentile": 70, "rule": "PR2", "prr": True},
    {"tau": 0, "rule": "PR1", "padding_trick": False},
    {"percentile": 50, "rule": "PR3", "activations": [nn.ReLU]},
    {"tau": -0.05, "rule": "PR4"},
    {"percentile": 80, "rule": "Mod"},
    {"tau": 0.001, "rule": "PR2", "prr": True},
    {"percentile": 0, "rule": "PR4", "multiply_by_inputs": False},
]
Work = Callable[[], Tensor]


@contextmanager
def meeting_everywhere() -> Iterator[None]:
    """Let the interpreter change threads in every place it can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)


def disturbed(works: list[Work], repeats: int) -> list[int]:
    """For each work: how often its result differs when all run at once from when it ran alone."""
    alone = [work() for work in works]
    start = threading.Barrier(len(works))

    def count(i: int) -> int:
        start.wait()
        return sum(not torch.equal(works[i](), alone[i]) for _ in range(repeats))

    with meeting_everywhere(), ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(count, range(len(works))))


def attributing(net: Net, spec: NetSpec, choices: list[dict[str, Any]]) -> list[Work]:
    x = spec.inputs()

    def work(i: int) -> Work:
        method = RectGrad(net, **choices[i], final_threshold=False)
        return lambda: method.attribute(x + i, target=i % CLASSES)

    return [work(i) for i in range(len(choices))]


def test_eight_threads_get_what_each_gets_alone() -> None:
    net = SHARED.net()
    before = snapshot(net)
    works = attributing(net, SHARED, CHOICES)
    results = [work() for work in works]
    assert all(bool(result.any()) for result in results)
    assert disturbed(works, repeats=20) == [0] * 8
    assert snapshot(net) == before


def test_plain_calls_in_other_threads_are_undisturbed() -> None:
    net, x = SHARED.net(), SHARED.inputs()
    before = snapshot(net)

    def forward() -> Tensor:
        with torch.no_grad():
            return net(x)

    def gradient() -> Tensor:
        leaf = x.clone().requires_grad_()
        (result,) = torch.autograd.grad(net(leaf).square().sum(), leaf)
        return result

    works = [*attributing(net, SHARED, CHOICES[:4]), forward, forward, gradient, gradient]
    assert disturbed(works, repeats=30) == [0] * 8
    assert snapshot(net) == before


@pytest.mark.slow
@REPRODUCIBLE
@given(nets())
def test_eight_threads_on_any_net(spec: NetSpec) -> None:
    net = spec.net()
    before = snapshot(net)
    # The chosen class may be absent, which warns.
    choices = [{**choice, "activations": None} for choice in CHOICES]
    assert disturbed(attributing(net, spec, choices), repeats=5) == [0] * 8
    assert snapshot(net) == before
