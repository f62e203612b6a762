"""How far work is: a bar on a terminal, and in a log a line every few minutes."""

import logging
import time
from types import TracebackType

from tqdm import tqdm
from typing_extensions import Self

EVERY = 300.0  # seconds between two lines of a log
_LOG = logging.getLogger(__name__)


class Progress:
    """What is done of a number of things, to be used as a context.

    Args:
        total: number of things.
        unit: what one of them is.
        desc: what the work is on.
        initial: how many are done already.
    """

    def __init__(self, total: int, unit: str, desc: str = "", initial: int = 0) -> None:
        # disable=None: no bar where there is no terminal.
        self._bar = tqdm(total=total, unit=unit, desc=desc, initial=initial, disable=None)
        self._total, self._unit, self._desc = total, unit, desc
        self._done, self._begun = initial, time.monotonic()
        self._said = self._begun

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self._bar.close()

    def update(self, count: int = 1, last: str = "") -> None:
        """Count what has been done.

        Args:
            count: how many things.
            last: which was the last.
        """
        self._done += count
        self._bar.set_postfix_str(last, refresh=False)
        self._bar.update(count)
        now = time.monotonic()
        if self._bar.disable and now - self._said >= EVERY:
            what = f"{self._desc}: " if self._desc else ""
            minutes = (now - self._begun) / 60
            _LOG.info(
                "%s%d of %d %ss, %.0f min", what, self._done, self._total, self._unit, minutes
            )
            self._said = now
