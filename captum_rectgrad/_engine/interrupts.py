"""Ctrl-C that waits until what a call has put somewhere is taken away again."""

import signal
import threading
from types import FrameType
from typing import Any


class HeldInterrupts:
    """Holds interrupts from the keyboard back while hooks are removed.

    Python raises `KeyboardInterrupt` between any two instructions of the main thread, also between
    those of a `finally` block. `hold()` is to be the last statement before such a block and
    `release()` the last one in it: an interrupt before is an exception that the block is entered
    with, one after waits.
    """

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
