"""Ctrl-C at any moment: nothing is left behind, and the next attribution is right."""

import pickle
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from types import FrameType
from typing import Any

import numpy as np
import pytest
import torch
from timm.layers.activations import Swish
from torch import Tensor, nn
from torch.overrides import _get_current_function_mode_stack

from benchmarks.hard_cases.state import changed, snapshot
from captum_rectgrad import LayerRectGrad, RectGrad, rectified_grad
from captum_rectgrad._engine.interrupts import HeldInterrupts, run_and_undo
from captum_rectgrad._engine.recorded_forward import RecordedForward
from captum_rectgrad._engine.wrappers import _EAGER

# An interrupt in a generator that is being closed is reported and ignored.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore:BatchNorm|'1'"),
]

# Where the package, and what it calls, changes something: interrupts come between any two lines.
FILES = ("contextlib.py", "torch/utils/hooks.py", "grad_mode.py", "torch/overrides.py", "signal.py")
EVENTS = {"call", "line", "return"}

Attribute = Callable[[nn.Module], Tensor]


class Overwritten(nn.Module):
    """Changes an activation in place, so that the model is run a second time."""

    def forward(self, z: Tensor) -> Tensor:
        a = z.relu()
        a += 1
        return a


def cnn(activation: Callable[[], nn.Module] = nn.ReLU) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 3, 3, padding=1),
        nn.BatchNorm2d(3),
        activation(),
        nn.Flatten(),
        nn.Linear(75, 3),
    ).double()


def inputs() -> Tensor:
    return torch.randn(2, 2, 5, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def at_inputs(model: nn.Module) -> Tensor:
    return RectGrad(model, percentile=50).attribute(inputs(), target=1)


def at_a_layer(model: Any) -> Tensor:
    return LayerRectGrad(model, model[0], percentile=50).attribute(inputs(), target=1)


def of_a_graph(model: nn.Module) -> Tensor:
    with torch.inference_mode(mode=False), torch.enable_grad():
        x = inputs().requires_grad_()
        output = model.eval()(x)[:, 1]
    return rectified_grad(output, x, percentile=50)[0]


CALLS: dict[str, tuple[Callable[[], nn.Module], Attribute]] = {
    "a CNN": (cnn, at_inputs),
    "a composed activation": (lambda: cnn(Swish), at_inputs),
    "a second run": (lambda: cnn(Overwritten), at_inputs),
    "a layer": (cnn, at_a_layer),
    "a graph": (lambda: cnn().eval(), of_a_graph),
}


def changes_something(frame: FrameType) -> bool:
    name = frame.f_code.co_filename
    return (
        "captum_rectgrad/_engine" in name or "captum_rectgrad/attr" in name or name.endswith(FILES)
    )


@contextmanager
def traced(at_event: Callable[[], None]) -> Iterator[None]:
    def trace(frame: FrameType, event: str, _: object) -> Any:
        if not changes_something(frame):
            return None
        if event in EVENTS:
            at_event()
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)


class InterruptAt:
    """Ctrl-C at one of the places that interrupts can come to.

    Attributes:
        index: of the place.
        count: of the places that were passed.
    """

    def __init__(self, index: int) -> None:
        self.index, self.count = index, 0

    def __call__(self) -> None:
        self.count += 1
        if self.count - 1 == self.index:
            signal.raise_signal(signal.SIGINT)


@pytest.fixture(autouse=True)
def interrupts() -> Iterator[None]:
    """A process that a shell starts in the background ignores interrupts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def surroundings() -> list[object]:
    modes = _get_current_function_mode_stack()
    return [
        # PyTorch puts a mode back late where it was interrupted; it is to do nothing then.
        [mode for mode in modes if not isinstance(mode, RecordedForward) or mode._is_open],
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        torch._C._is_multithreading_enabled(),
        signal.getsignal(signal.SIGINT),
        (_EAGER.calls, _EAGER.lock.locked()),
    ]


@pytest.mark.parametrize(
    "context",
    [nullcontext, torch.no_grad, torch.inference_mode],
    ids=["grad", "no_grad", "inference"],
)
@pytest.mark.parametrize("name", CALLS)
def test_an_interrupt_at_any_line_leaves_nothing_behind(
    name: str, context: Callable[[], AbstractContextManager[object]]
) -> None:
    make, attribute = CALLS[name]
    model = make()
    expected, counting = attribute(model), InterruptAt(-1)
    x = inputs()
    state = snapshot(model, x)
    with traced(counting):
        attribute(model)
    assert counting.count > 500
    interrupted = 0
    # The places are many and near each other: every so many, from another one for each test.
    step = 31 if context is nullcontext else 149
    for index in range(len(name) % step, counting.count, step):
        with context():
            before = surroundings()
            interrupt = InterruptAt(index)
            try:
                with traced(interrupt):
                    attribute(model)
            except KeyboardInterrupt:
                interrupted += 1
            assert surroundings() == before, index
        assert not changed(state, snapshot(model, x)), index
        if index % 5 == 0:
            assert torch.equal(attribute(model), expected)
    assert interrupted > counting.count // step // 2
    assert torch.equal(attribute(model), expected)
    pickle.dumps(model)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timers that send signals")
def test_interrupts_at_random_moments_leave_nothing_behind() -> None:
    model, moments = cnn(Swish), np.random.default_rng(0)
    x, expected, before = inputs(), at_inputs(model), surroundings()
    state = snapshot(model, x)
    previous = signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    interrupted = 0
    try:
        for _ in range(200):
            try:
                signal.setitimer(signal.ITIMER_REAL, moments.uniform(1e-5, 2e-3))
                for _ in range(3):
                    at_inputs(model)
            except KeyboardInterrupt:
                interrupted += 1
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            assert surroundings() == before
            assert not changed(state, snapshot(model, x))
    finally:
        signal.signal(signal.SIGALRM, previous)
    assert interrupted > 30
    assert torch.equal(at_inputs(model), expected)


def test_a_held_interrupt_comes_at_the_release() -> None:
    held = HeldInterrupts()
    held.hold()
    signal.raise_signal(signal.SIGINT)
    reached = True
    with pytest.raises(KeyboardInterrupt):
        held.release()
    assert reached
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_of_the_users_is_called_at_the_release_and_kept() -> None:
    received: list[int] = []

    def handler(number: int, _: FrameType | None) -> None:
        received.append(number)

    before = signal.signal(signal.SIGINT, handler)
    try:
        held = HeldInterrupts()
        held.hold()
        held.hold()
        signal.raise_signal(signal.SIGINT)
        assert not received
        held.release()
        held.release()
        assert received == [signal.SIGINT]
        assert signal.getsignal(signal.SIGINT) is handler
        held.hold()
        held.release()
        assert received == [signal.SIGINT]  # not a second time
    finally:
        signal.signal(signal.SIGINT, before)


def test_the_handler_is_restored_although_a_cleanup_raises() -> None:
    def prepare(undo: ExitStack) -> None:
        undo.callback(int, "no number")

    with pytest.raises(ValueError, match="no number"):
        run_and_undo(prepare, lambda *_: None)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_other_threads_do_not_touch_the_handler() -> None:
    errors: list[BaseException] = []

    def run() -> None:
        try:
            held = HeldInterrupts()
            held.hold()
            held.release()
        except BaseException as error:  # noqa: BLE001 (handed to the main thread)
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert not errors
