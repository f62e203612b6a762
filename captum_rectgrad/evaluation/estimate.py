"""An estimate with its confidence interval."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """An estimate from a sample, with its 95 % interval.

    Attributes:
        value: the estimate.
        low: lower end of the 95 % interval.
        high: upper end of the 95 % interval.
        count: number of independent units (images, networks).
    """

    value: float
    low: float
    high: float
    count: int

    def __str__(self) -> str:
        if math.isnan(self.low):
            return f"{self.value:.4g} (no interval)" if self.count else "not defined"
        return f"{self.value:.4g} ({self.low:.4g} to {self.high:.4g})"
