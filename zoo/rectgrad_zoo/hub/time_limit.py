"""A limit on the total time of requests to a server.

The time-outs of the Hub's client (`HF_HUB_ETAG_TIMEOUT`, `HF_HUB_DOWNLOAD_TIMEOUT`) apply to each
read. A server that sends a byte a second never reaches them.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from huggingface_hub import close_session

from rectgrad_zoo.limits import HUB_SECONDS, limit

_PAUSE = 0.5  # seconds between two attempts to close the connections of requests that go on


class TimeLimit:
    """The end of the time for a download.

    Args:
        seconds: Time from now, in seconds.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Remaining time, in seconds; negative after the end."""
        return self._end - time.monotonic()

    def check(self) -> None:
        """Raise a `TimeoutError` after the end."""
        if self.left <= 0:
            raise TimeoutError(
                f"the download was not complete after {self.seconds:g} s; {HUB_SECONDS} sets this "
                "limit"
            )

    def wait(self, seconds: float) -> None:
        """Wait, at most until the end.

        Args:
            seconds: Time to wait, in seconds.

        Raises:
            TimeoutError: After the end.
        """
        time.sleep(max(0, min(seconds, self.left)))
        self.check()


@contextmanager
def time_limit() -> Iterator[TimeLimit]:
    """Limit the time of all requests in a block to `RECTGRAD_HUB_SECONDS`.

    At the end the connections of the Hub's client are closed, which interrupts a read in progress.
    The client opens new ones for later requests.

    Raises:
        TimeoutError: If the block has not finished in time.
        ZooError: If the environment variable is not a positive number.
    """
    allowed = TimeLimit(limit(HUB_SECONDS))
    done = threading.Event()

    def close_connections() -> None:
        while not done.wait(max(_PAUSE, allowed.left)):
            close_session()

    watcher = threading.Thread(target=close_connections, daemon=True)
    watcher.start()
    try:
        yield allowed
    # A connection that is closed during a read raises errors of several types.
    except Exception:
        allowed.check()
        raise
    finally:
        done.set()
        watcher.join()
