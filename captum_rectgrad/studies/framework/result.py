"""The result of a study: numbers with intervals, verdicts on the paper's claims, a figure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from matplotlib.figure import Figure

from captum_rectgrad.evaluation.estimate import Estimate
from captum_rectgrad.evaluation.intervals import LEVEL

Verdict: TypeAlias = Literal["holds", "does not hold", "undecided"]


Cell: TypeAlias = str | int | float | Estimate | None
Row: TypeAlias = dict[str, Cell]


@dataclass(frozen=True)
class Claim:
    """A claim of the paper with its verdict in this run.

    Attributes:
        text: the claim.
        source: its source, such as "section 5.3, figure 7".
        verdict: whether it holds in this run, by the interval.
        because: the numbers that decide the verdict.
    """

    text: str
    source: str
    verdict: Verdict
    because: str


@dataclass(frozen=True, eq=False)
class Result:
    """The result of a study.

    Attributes:
        rows: the numbers as a table; every row has the same columns.
        claims: the paper's claims with their verdicts.
        figure: the paper's figure, from this run.
        notes: notes for the reader that only apply to this study.
    """

    rows: Sequence[Row]
    claims: Sequence[Claim]
    figure: Figure
    notes: Sequence[str] = ()


def judged(difference: Estimate) -> Verdict:
    """Judge a claim that a difference is positive.

    Args:
        difference: with its interval.

    Returns:
        "holds" if the interval is above 0, "does not hold" if it is below 0 or the difference is
        exactly 0, "undecided" if 0 is inside.
    """
    if difference.low > 0:
        return "holds"
    if difference.high < 0 or difference.low == difference.high == 0:
        return "does not hold"
    return "undecided"


def judged_above(found: Estimate, bound: float) -> Verdict:
    """Judge a claim that a number is above a bound.

    Args:
        found: with its interval.
        bound: the bound.

    Returns:
        "holds" if the interval is above the bound, "does not hold" if it is below, "undecided" if
        the bound is inside.
    """
    if found.low > bound:
        return "holds"
    return "does not hold" if found.high < bound else "undecided"


def judged_within(found: Estimate, bound: float) -> Verdict:
    """Judge a claim that a number is zero up to a bound.

    Args:
        found: with its interval.
        bound: largest absolute value that counts as zero.

    Returns:
        "holds" if the interval is within the bound, "does not hold" if it is outside, "undecided"
        otherwise.
    """
    if -bound < found.low and found.high < bound:
        return "holds"
    return "does not hold" if found.high < -bound or found.low > bound else "undecided"


def all_of(verdicts: Sequence[Verdict]) -> Verdict:
    """The verdict on a claim about several numbers: the worst of their verdicts.

    Args:
        verdicts: at least one.

    Returns:
        "does not hold" if any verdict is; else "undecided" if any is; else "holds".
    """
    worst: tuple[Verdict, ...] = ("does not hold", "undecided", "holds")
    return next(verdict for verdict in worst if verdict in verdicts)


def level_of_family(size: int) -> float:
    """Confidence of the intervals that show that any of several claims does not hold.

    This is the first step of Holm's correction, which alone decides whether any does.

    Args:
        size: number of the claims.

    Returns:
        The confidence, 0.95 for one claim.
    """
    return 1 - (1 - LEVEL) / size


def judged_against_all(found: Sequence[Verdict], corrected: Sequence[Verdict]) -> Verdict:
    """Judge a claim that a method is ahead of all others.

    Args:
        found: verdict on each of the others, by 95 % intervals.
        corrected: the same by intervals of `level_of_family`.

    Returns:
        "holds" if all of `found` do, which needs no correction; "does not hold" if any of
        `corrected` does not; else "undecided".
    """
    if all(verdict == "holds" for verdict in found):
        return "holds"
    return "does not hold" if "does not hold" in corrected else "undecided"


def family_text(size: int, verdict: Verdict) -> str:
    """A note on the correction, if the verdict on a claim on several others depends on it."""
    if size == 1 or verdict == "holds":
        return ""
    return f"; judged with Holm's correction for {size} comparisons"


def gap_text(gap: Estimate, other: str, words: tuple[str, str] = ("higher", "lower")) -> str:
    """A difference to another number in words.

    Args:
        gap: the difference, with its interval.
        other: the other number, such as "Saliency's".
        words: words for a positive and for a negative difference.

    Returns:
        Such as "0.03 higher than Saliency's (95 % interval 0.01 to 0.05)".
    """
    value, low, high, word = gap.value, gap.low, gap.high, words[0]
    if value < 0:
        value, low, high, word = -value, -high, -low, words[1]
    interval = "no interval" if math.isnan(low) else f"95 % interval {low:.4g} to {high:.4g}"
    return f"{value:.4g} {word} than {other} ({interval})"
