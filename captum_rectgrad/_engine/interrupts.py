"""Deferral of keyboard interrupts until the cleanup of a call is finished."""

import signal
import threading
from collections.abc import Callable
from contextlib import ExitStack
from types import FrameType
from typing import Any, TypeVar

Prepared = TypeVar("Prepared")
Result = TypeVar("Result")


def run_and_undo(
    prepare: Callable[[ExitStack], Prepared], work: Callable[[Prepared, ExitStack], Result]
) -> Result:
    """Run a preparation, a function and the cleanup, also after an exception or an interrupt.

    Keyboard interrupts are deferred during the preparation and the cleanup. Python raises
    `KeyboardInterrupt` between any two instructions of the main thread, including those of a
    `finally` block or an `__exit__`, so interrupts are held before the cleanup starts.

    Args:
        prepare: function of a stack that receives the cleanup callbacks.
        work: function of the result of `prepare` and the stack.

    Returns:
        The result of `work`.
    """
    interrupts, undo = HeldInterrupts(), ExitStack()
    try:
        interrupts.hold()
        prepared = prepare(undo)
        interrupts.release()
        result = work(prepared, undo)
        interrupts.hold()
    except BaseException:
        interrupts.hold()
        raise
    finally:
        try:
            undo.close()
        finally:
            interrupts.release()
    return result


class HeldInterrupts:
    """Defers keyboard interrupts between `hold()` and `release()`."""

    def __init__(self) -> None:
        self._previous: Any = None
        self._pending: tuple[int, FrameType | None] | None = None

    def hold(self) -> None:
        """Defer interrupts. No effect in other threads, which do not receive interrupts."""
        if self._previous is None and threading.current_thread() is threading.main_thread():
            # None where the handler was not installed from Python.
            self._previous = signal.getsignal(signal.SIGINT)
            if self._previous is not None:
                signal.signal(signal.SIGINT, self._note)

    def release(self) -> None:
        """Restore the handler and handle a deferred interrupt."""
        if self._previous is None:
            return
        previous, self._previous = self._previous, None
        signal.signal(signal.SIGINT, previous)
        pending, self._pending = self._pending, None
        if pending is not None and callable(previous):
            previous(*pending)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._pending = (number, frame)
