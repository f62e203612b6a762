"""Signals that end a command: cleanup, one line, and the exit status that shells expect."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# Of `kill`, batch systems and containers, and of a closed terminal. Windows has no SIGHUP.
_SIGNALS = [number for number in signal.Signals if number.name in {"SIGTERM", "SIGHUP"}]


class EndedBySignalError(KeyboardInterrupt):
    """A signal ends the command, as an interrupt from the keyboard does.

    Attributes:
        number: the signal.
    """

    def __init__(self, number: int) -> None:
        self.number = signal.Signals(number)
        super().__init__(f"ended by {self.number.name}")


@contextmanager
def signals_as_interrupts() -> Iterator[None]:
    """Raise `EndedBySignalError` for SIGTERM and SIGHUP inside the context.

    A signal that is ignored, as `nohup` does, or that has another handler is left alone.
    """
    changed = []
    if threading.current_thread() is threading.main_thread():
        changed = [one for one in _SIGNALS if signal.getsignal(one) is signal.SIG_DFL]
    for number in changed:
        signal.signal(number, _end)
    try:
        yield
    finally:
        for number in changed:
            signal.signal(number, signal.SIG_DFL)


def exit_status(interrupt: KeyboardInterrupt) -> int:
    """The exit status after an interrupt: 128 and the number of the signal."""
    number = interrupt.number if isinstance(interrupt, EndedBySignalError) else signal.SIGINT
    return 128 + number


def _end(number: int, frame: FrameType | None) -> None:
    del frame
    for one in _SIGNALS:  # a second signal does not interrupt the cleanup
        if signal.getsignal(one) is _end:
            signal.signal(one, signal.SIG_IGN)
    raise EndedBySignalError(number)
