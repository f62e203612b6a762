"""A limit on the time of a run, for short visits to a machine."""

import time
from dataclasses import dataclass, field

from captum_rectgrad.errors import RectGradError


class TimeUpError(RectGradError):
    """The time of a run is up; what was finished is saved."""


@dataclass
class TimeLimit:
    """A limit that a run checks between its steps.

    Attributes:
        seconds: seconds from the creation of this object; None: no limit.
    """

    seconds: float | None = None
    _begun: float = field(default_factory=time.monotonic)

    def check(self, needed: float = 0) -> None:
        """Stop the run if the time is up, or will be.

        Args:
            needed: seconds that the next step is expected to take.

        Raises:
            TimeUpError: less time than that is left.
        """
        if self.seconds is None:
            return
        if time.monotonic() - self._begun + needed >= self.seconds:
            raise TimeUpError(
                f"stopped before {self.seconds / 60:g} minutes were over; run the same command "
                "again to continue"
            )
