"""All bounds of verdicts, with their reasons. A word has the same bound in all studies.

A verdict also says how it changes with the tolerance of its bound: half of it, and twice of it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from captum_rectgrad.sanity.defaults import BOUND
from captum_rectgrad.studies.framework.result import Verdict


@dataclass(frozen=True)
class Bound:
    """A bound of a verdict.

    Attributes:
        value: the bound.
        ideal: value that satisfies the claim exactly, such as 1 for a correlation; the tolerance is
            the distance of the bound from it.
        meaning: what counts, in words.
        reason: reason of the value.
    """

    value: float
    ideal: float
    meaning: str
    reason: str

    def __str__(self) -> str:
        return f"{self.value:g}"

    def with_tolerance(self, factor: float) -> float:
        """The bound with a multiple of its tolerance."""
        return self.ideal + factor * (self.value - self.ideal)


SAME = Bound(
    BOUND,
    1,
    "a similarity above it: maps are the same, unchanged, or hardly depend on something",
    "half-way between unrelated maps (0) and equal maps (1), as in `rectgrad check`",
)
AS_MUCH = Bound(
    0.05,
    0,
    "a difference of similarities up to it: maps change as much",
    "a tenth of the bound of the same maps",
)
NEARLY_ALL = Bound(
    0.95, 1, "a share above it: nearly all, consistent", "the share of a 95 % interval"
)
SAME_ACCURACY = Bound(
    0.02,
    0,
    "a difference of accuracies up to it: not significant",
    "the paper calls 1.5 percentage points not significant (74.6 % and 73.1 %)",
)
SIMILAR_SHARE = Bound(
    0.01,
    0,
    "a difference of shares of a map up to it: similar, in the noise patch",
    "about a sixth of the share of a uniform map there, 0.0625",
)
NO_RISE = Bound(
    0.05,
    0,
    "a rise of the relative share outside the object up to it: no accumulation",
    "a twentieth of the share of a uniform map, 1",
)
SIMILAR_ACTIVITY = Bound(
    0.05,
    0,
    "a difference of shares of active units up to it: similar",
    "a twentieth of all units of a layer",
)
SIMILAR_RELATIVE = Bound(
    0.2,
    0,
    "a difference relative to the mean up to it: similar",
    "tests of equivalence usually allow a fifth",
)
ROUNDING = Bound(
    1e-5, 0, "a difference relative to the largest value up to it: equal", "rounding in float32"
)
CONVERGED = Bound(
    0.95, 1, "a correlation above it: converges to", "nine tenths of the variance are explained"
)
NO_CORRELATION = Bound(
    0.05,
    0,
    "a correlation up to it: none; also a mean relative to the root mean square",
    "a quarter of a percent of the variance is explained",
)
GAUSSIAN = Bound(0.5, 0, "an excess kurtosis up to it: Gaussian", "a uniform distribution has -1.2")
SKEWED = Bound(0.25, 0, "a skewness up to it: Gaussian", "an exponential distribution has 2")
SAME_VARIANCE = Bound(
    0.25, 0, "a deviation of a ratio of variances from 1 up to it: equal", "as for the skewness"
)


def judged_by(bound: Bound, judge: Callable[[float], Verdict]) -> tuple[Verdict, str]:
    """Judge by a bound, and by the bound with half and twice its tolerance.

    Args:
        bound: the bound.
        judge: takes a bound's value.

    Returns:
        The verdict, and how it depends on the tolerance, in words.
    """
    verdict = judge(bound.value)
    half, twice = (judge(bound.with_tolerance(factor)) for factor in (0.5, 2.0))
    if half == twice == verdict:
        return verdict, "the same with half and with twice the tolerance"
    return verdict, f"with half the tolerance: {half}, with twice: {twice}"
