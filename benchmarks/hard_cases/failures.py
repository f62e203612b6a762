"""Cases: exceptions, and other threads."""

import sys
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from torch import Tensor, nn

from benchmarks.hard_cases.methods import Method
from benchmarks.hard_cases.nets import CLASSES, TARGET, Net, build, images, relus
from benchmarks.hard_cases.outcome import Case, Outcome, call, compare
from benchmarks.hard_cases.state import changed, snapshot

# Many rounds: what may go wrong is to go wrong in some of them, whenever this is run.
THREADS, ROUNDS = 8, 60


class _Point(nn.Module):
    """Does something when it is reached in the forward or in the backward pass, if it is set."""

    def __init__(self) -> None:
        super().__init__()
        # In a list, so that setting it changes no attribute of the module.
        self.forwards: list[Callable[[], None]] = []
        self.backwards: list[Callable[[], None]] = []

    def forward(self, h: Tensor) -> Tensor:
        for action in list(self.forwards):
            action()
        if h.requires_grad:
            h = h.clone()
            h.register_hook(self._reached)
        return h

    def _reached(self, gradient: Tensor) -> Tensor:
        for action in list(self.backwards):
            action()
        return gradient


def _with_point(net: Any, x: Tensor) -> Tensor:
    h = net.act(0, net.conv0(x))
    h = net.point(net.act(1, net.conv1(h)))
    return net.head(net.act(2, net.conv2(h)).flatten(1))


def _net() -> Net:
    net = build(lambda: Net(_with_point, relus(3), point=_Point()))
    if not isinstance(net, Net):
        raise TypeError
    return net


def _actions(net: nn.Module, where: str) -> list[Callable[[], None]]:
    actions: list[Callable[[], None]] = getattr(net.point, where)
    return actions


def _left(method: Method) -> Outcome:
    """What any call leaves behind, on the plain net."""
    left = call(method, _net(), images()).left
    return Outcome("wrong", f"leaves changed {', '.join(left)}") if left else Outcome("right")


def _raising(where: str, error: type[BaseException]) -> Callable[[Method], Outcome]:
    def check(method: Method) -> Outcome:
        net, x = _net(), images()
        reference = call(method, _net(), images())

        def fail() -> None:
            raise error("on purpose")

        actions = _actions(net, where)
        actions.append(fail)
        before = snapshot(net, x)
        came = None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                method.attribute(net, x, TARGET, {})
            except error as raised:
                came = raised
        actions.remove(fail)
        if came is None:
            return Outcome("wrong", "the exception is lost")
        kinds = [kind for kind in changed(before, snapshot(net, x)) if kind not in reference.left]
        if kinds:
            return Outcome("wrong", f"leaves changed {', '.join(kinds)}")
        run = call(method, net, images())
        if run.maps is None or reference.maps is None:
            return Outcome("wrong", "the next call fails")
        after = compare(run.maps, reference.maps)
        return after if after.kind == "right" else Outcome("wrong", "the next map is another")

    return check


def _in_between(where: str) -> Callable[[Method], Outcome]:
    """Another thread's call begins and ends while this one is at the point."""

    def check(method: Method) -> Outcome:
        expected = [call(method, _net(), images(), target=target).maps for target in (0, 1)]
        net = _net()
        results: list[Tensor | None] = [None, None]
        actions = _actions(net, where)

        def run(target: int) -> None:
            results[target] = call(method, net, images(), target=target).maps

        def other() -> None:
            actions.clear()
            thread = threading.Thread(target=run, args=(1,))
            thread.start()
            thread.join()

        actions.append(other)
        run(0)
        return _agree(results, expected)

    return check


def _many(method: Method) -> Outcome:
    targets = [i % CLASSES for i in range(THREADS)]
    expected = [call(method, _net(), images(), target=target).maps for target in targets]
    net = _net()
    start = threading.Barrier(THREADS)

    def run(i: int) -> Outcome:
        start.wait()
        for _ in range(ROUNDS):
            try:
                maps = method.attribute(net, images(), targets[i], {})
            # Whatever a method raises is a result.
            except Exception:  # noqa: BLE001
                return Outcome("wrong", "a call fails")
            outcome = _agree([maps], [expected[i]])
            if outcome.kind != "right":
                return outcome
        return Outcome("right")

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # so that threads meet in every place they can
    try:
        # What catches warnings is shared by the threads, so it is done here, for all of them.
        with warnings.catch_warnings(), ThreadPoolExecutor(THREADS) as pool:
            warnings.simplefilter("ignore")
            outcomes = list(pool.map(run, range(THREADS)))
    finally:
        sys.setswitchinterval(interval)
    bad = [outcome for outcome in outcomes if outcome.kind != "right"]
    return Outcome("wrong", "maps mixed up or lost") if bad else Outcome("right")


def _agree(results: list[Tensor | None], expected: list[Tensor | None]) -> Outcome:
    for maps, truth in zip(results, expected, strict=True):
        if maps is None or truth is None:
            return Outcome("wrong", "a call fails")
        if compare(maps, truth).kind != "right":
            return Outcome("wrong", "a map is another")
    return Outcome("right")


FAILURES = (
    Case("what any call leaves behind", _left),
    Case("an exception in the forward pass", _raising("forwards", ArithmeticError)),
    Case("an exception in the backward pass", _raising("backwards", ArithmeticError)),
    Case("`KeyboardInterrupt` in the forward pass", _raising("forwards", KeyboardInterrupt)),
    Case("a call in another thread during the forward pass", _in_between("forwards")),
    Case("a call in another thread during the backward pass", _in_between("backwards")),
    Case(f"{THREADS} threads on one model", _many),
)
