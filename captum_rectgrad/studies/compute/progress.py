"""Progress: a bar on a terminal, or a log line every ten seconds."""

import logging
import time
from types import TracebackType

from tqdm import tqdm
from typing_extensions import Self

EVERY = 10.0  # seconds between two log lines
_LOG = logging.getLogger(__name__)


class Progress:
    """Progress through a number of items, used as a context manager.

    Args:
        total: number of items.
        unit: name of an item.
        desc: description of the work.
        initial: number of items already done.
    """

    def __init__(self, total: int, unit: str, desc: str = "", initial: int = 0) -> None:
        # disable=None: no bar without a terminal.
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
        """Count finished items.

        Args:
            count: number of items.
            last: name of the last item.
        """
        self._done += count
        self._bar.set_postfix_str(last, refresh=False)
        self._bar.update(count)
        self._log("")

    def beat(self, what: str) -> None:
        """Show that the next item is in progress.

        Args:
            what: description of its progress.
        """
        if not self._bar.disable and time.monotonic() - self._said >= 1:
            self._bar.set_postfix_str(what)
            self._said = time.monotonic()
        self._log(f"; {what}")

    def _log(self, what: str) -> None:
        now = time.monotonic()
        if not self._bar.disable or now - self._said < EVERY:
            return
        desc = f"{self._desc}: " if self._desc else ""
        minutes = (now - self._begun) / 60
        _LOG.info(
            "%s%d of %d %ss, %.1f min%s",
            desc,
            self._done,
            self._total,
            self._unit,
            minutes,
            what,
        )
        self._said = now
