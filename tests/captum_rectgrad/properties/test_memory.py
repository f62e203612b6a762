"""Calls leave nothing behind: no tensor, no node of a graph, no handle of a hook."""

import gc
import tracemalloc
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from types import FunctionType

import pytest
import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from captum_rectgrad import RectGrad
from tests.support.failing import PLACES, Failure, failing
from tests.support.property_nets import Activation, Block, NetSpec

# The second block overwrites what the first handed on, so that a second pass is needed.
NET = NetSpec(
    dims=1,
    blocks=(
        Block(Activation("relu"), norm=True, pool="module"),
        Block(Activation("silu", in_place=True), before=True, skip=True),
    ),
    last=Activation("tanh", "method"),
)
CALLS, WARM_UP = 400, 20


def living() -> dict[str, int]:
    """What Python can see of tensors, nodes and hooks, once the garbage is collected."""
    gc.collect()
    counts = {"tensors": 0, "bytes": 0, "nodes": 0, "handles": 0, "ours": 0}
    storages: dict[int, int] = {}
    for thing in gc.get_objects():
        kind = type(thing)
        # Closures of this package's functions too, but nobody else's objects, which come and go.
        home = thing.__module__ if kind is FunctionType else kind.__module__
        counts["ours"] += str(home).startswith("captum_rectgrad")
        # Exactly these: other tests leave tensors of torch.compile behind, which have no storage.
        if kind in {Tensor, nn.Parameter}:
            counts["tensors"] += 1
            storage = thing.untyped_storage()
            storages[storage.data_ptr()] = storage.nbytes()
        elif issubclass(kind, torch.autograd.function.BackwardCFunction):
            counts["nodes"] += 1
        elif issubclass(kind, RemovableHandle):
            counts["handles"] += 1
    counts["bytes"] = sum(storages.values())
    return counts


def check_flat(call: Callable[[], object]) -> None:
    """Neither objects nor memory grow with the number of calls."""
    # What there is already is not counted: other tests leave a million objects behind.
    gc.collect()
    gc.freeze()
    tracemalloc.start()
    try:
        for _ in range(WARM_UP):
            call()
        before = living()
        first, _ = tracemalloc.get_traced_memory()
        for _ in range(CALLS):
            call()
        after = living()
        last, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        gc.unfreeze()
    # Of anything that stays, there would be one or more for each call.
    assert after == before
    # The interpreter keeps some freed memory for itself: tens of kilobytes at most.
    assert last - first < 256 * CALLS


def attribute(net: nn.Module) -> Tensor:
    return RectGrad(net, percentile=50, prr=True).attribute(NET.inputs(2), target=0)


@pytest.mark.filterwarnings("ignore:attribution of sample")
def test_memory_is_flat() -> None:
    net = NET.net()
    check_flat(lambda: attribute(net))


def test_memory_is_flat_though_every_call_fails() -> None:
    net, places = NET.net(), cycle(PLACES)

    def fail() -> None:
        with failing(net.main, next(places), Failure), pytest.raises(Failure):
            attribute(net)

    check_flat(fail)


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="Linux tells it, others do not")
def test_what_python_cannot_see_is_flat_too() -> None:
    # A graph that C++ keeps holds a megabyte of activations.
    net, x = (
        nn.Sequential(nn.Conv1d(1, 16, 3), nn.ReLU(), nn.Conv1d(16, 1, 3)),
        torch.randn(1, 1, 8192),
    )
    summed = nn.Sequential(net, nn.Flatten(), nn.AdaptiveAvgPool1d(1))
    method = RectGrad(summed, percentile=50)
    for _ in range(WARM_UP):
        method.attribute(x, target=0)
    before = resident_bytes()
    for _ in range(CALLS):
        method.attribute(x, target=0)
    assert resident_bytes() - before < CALLS * 2**20 / 10
