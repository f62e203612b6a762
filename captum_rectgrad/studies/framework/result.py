"""What a study gives: numbers with intervals, what they say of the paper's claims, a figure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from matplotlib.figure import Figure

from captum_rectgrad.evaluation.estimate import Estimate

Verdict: TypeAlias = Literal["holds", "does not hold", "undecided"]


Cell: TypeAlias = str | int | float | Estimate | None
Row: TypeAlias = dict[str, Cell]


@dataclass(frozen=True)
class Claim:
    """A sentence of the paper, held against this run.

    Attributes:
        text: what is claimed.
        source: where, such as "section 5.3, figure 7".
        verdict: whether it holds in this run, by the interval.
        because: the numbers that say so.
    """

    text: str
    source: str
    verdict: Verdict
    because: str


@dataclass(frozen=True, eq=False)
class Result:
    """The outcome of a study.

    Attributes:
        rows: the numbers as a table; every row has the same columns.
        claims: what they say of the paper.
        figure: the paper's figure, drawn from this run.
        notes: what a reader has to know, beside what holds for all studies.
    """

    rows: Sequence[Row]
    claims: Sequence[Claim]
    figure: Figure
    notes: Sequence[str] = ()


def judged(difference: Estimate) -> Verdict:
    """Whether a difference that is claimed to be positive is.

    Args:
        difference: with its interval.

    Returns:
        "holds" where the whole interval is above 0, "does not hold" where it is below or the
        difference is exactly 0 throughout, "undecided" where 0 is inside.
    """
    if difference.low > 0:
        return "holds"
    if difference.high < 0 or difference.low == difference.high == 0:
        return "does not hold"
    return "undecided"


def judged_above(found: Estimate, bound: float) -> Verdict:
    """Whether something that is claimed to be large is above a bound.

    Args:
        found: with its interval.
        bound: the least that is called large.

    Returns:
        "holds" where the whole interval is above the bound, "does not hold" where it is below,
        "undecided" where the bound is inside.
    """
    if found.low > bound:
        return "holds"
    return "does not hold" if found.high < bound else "undecided"


def judged_within(found: Estimate, bound: float) -> Verdict:
    """Whether something that is claimed to be nothing is within a bound either way.

    Args:
        found: with its interval.
        bound: the most that is called nothing.

    Returns:
        "holds" where the whole interval is within, "does not hold" where all of it is outside,
        "undecided" between.
    """
    if -bound < found.low and found.high < bound:
        return "holds"
    return "does not hold" if found.high < -bound or found.low > bound else "undecided"


def all_of(verdicts: Sequence[Verdict]) -> Verdict:
    """The verdict on a claim about several things at once: the worst of theirs.

    Args:
        verdicts: at least one.

    Returns:
        "does not hold" if that is any one's; else "undecided" if that is any one's; else "holds".
    """
    worst: tuple[Verdict, ...] = ("does not hold", "undecided", "holds")
    return next(verdict for verdict in worst if verdict in verdicts)
