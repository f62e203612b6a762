"""A number with its interval."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A number measured on a sample.

    Attributes:
        value: the sample's.
        low: lower end of the 95 % interval.
        high: upper end.
        count: how many independent things (images, networks) it rests on.
    """

    value: float
    low: float
    high: float
    count: int

    def __str__(self) -> str:
        if math.isnan(self.low):
            return f"{self.value:.4g} (no interval)" if self.count else "not defined"
        return f"{self.value:.4g} ({self.low:.4g} to {self.high:.4g})"
