"""Ctrl-C that waits until what a call has put somewhere is taken away again."""

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
    """Prepare, work, and undo what was prepared, also after an exception or an interrupt.

    Interrupts from the keyboard wait during the preparation and the undoing. Python raises
    `KeyboardInterrupt` between any two instructions of the main thread, also between those of a
    `finally` block or of an `__exit__`; so interrupts are held from the last statement before it.

    Args:
        prepare: given a stack to put onto it what is to be undone.
        work: given what `prepare` returned, and the stack.

    Returns:
        What `work` returned.
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
        undo.close()
        interrupts.release()
    return result


class HeldInterrupts:
    """Holds interrupts from the keyboard back between `hold()` and `release()`."""

    def __init__(self) -> None:
        self._previous: Any = None
        self._pending: tuple[int, FrameType | None] | None = None

    def hold(self) -> None:
        """Let interrupts wait. Does nothing in other threads, which get none."""
        if self._previous is None and threading.current_thread() is threading.main_thread():
            # None where the handler was not installed from Python.
            self._previous = signal.getsignal(signal.SIGINT)
            if self._previous is not None:
                signal.signal(signal.SIGINT, self._note)

    def release(self) -> None:
        """Handle interrupts as before, first one that waits."""
        if self._previous is None:
            return
        previous, self._previous = self._previous, None
        signal.signal(signal.SIGINT, previous)
        if self._pending is not None and callable(previous):
            previous(*self._pending)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._pending = (number, frame)
