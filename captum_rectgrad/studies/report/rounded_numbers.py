"""Numbers of a report, rounded to what their intervals allow."""

import math
from collections.abc import Iterable
from statistics import median_low

from captum_rectgrad.evaluation.estimate import Estimate

MOST_DECIMALS = 3


def decimals_of(estimates: Iterable[Estimate]) -> int:
    """The number of decimals for estimates that are compared with each other.

    Half of an interval's width has two digits, or one if two need more than `MOST_DECIMALS`, in
    the median of the estimates.

    Args:
        estimates: estimates; those without an interval, or with an interval of width 0, are
            ignored.

    Returns:
        The number; `MOST_DECIMALS` without estimates.
    """
    halves = [(each.high - each.low) / 2 for each in estimates]
    digits = [-math.floor(math.log10(half)) for half in halves if half > 0]
    needed = [max(min(one + 1, MOST_DECIMALS), one, 0) for one in digits]
    return median_low(needed) if needed else MOST_DECIMALS


def fixed(value: float, decimals: int) -> str:
    """A number with a number of decimals, without the sign of a negative zero."""
    return f"{round(value, decimals) + 0.0:.{decimals}f}"


def interval_text(estimate: Estimate, decimals: int) -> str:
    """The interval of an estimate, such as "0.01 to 0.05"; empty without one."""
    if math.isnan(estimate.low):
        return ""
    return f"{fixed(estimate.low, decimals)} to {fixed(estimate.high, decimals)}"
