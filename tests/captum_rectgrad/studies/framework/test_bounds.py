"""Verdicts by a bound, and by half and twice its tolerance."""

import pytest

from captum_rectgrad.evaluation.estimate import Estimate
from captum_rectgrad.studies.framework import bounds
from captum_rectgrad.studies.framework.bounds import NO_RISE, SAME, Bound, judged_by
from captum_rectgrad.studies.framework.result import judged_above, judged_within

ALL = [value for value in vars(bounds).values() if isinstance(value, Bound)]


def test_tolerance_is_the_distance_from_the_ideal_value() -> None:
    assert [SAME.with_tolerance(factor) for factor in (0.5, 1, 2)] == [0.75, 0.5, 0.0]
    assert [NO_RISE.with_tolerance(factor) for factor in (0.5, 1, 2)] == [0.025, 0.05, 0.1]


@pytest.mark.parametrize(
    ("low", "high", "verdict", "sensitivity"),
    [
        (0.8, 0.9, "holds", "the same with half and with twice the tolerance"),
        (0.6, 0.7, "holds", "with half the tolerance: does not hold, with twice: holds"),
        (0.4, 0.6, "undecided", "with half the tolerance: does not hold, with twice: holds"),
    ],
)
def test_verdict_on_similarity_and_its_sensitivity(
    low: float, high: float, verdict: str, sensitivity: str
) -> None:
    found = Estimate((low + high) / 2, low, high, 50)
    assert judged_by(SAME, lambda bound: judged_above(found, bound)) == (verdict, sensitivity)


def test_verdict_on_a_difference_and_its_sensitivity() -> None:
    found = Estimate(0.03, 0.026, 0.034, 50)
    assert judged_by(NO_RISE, lambda bound: judged_within(found, bound)) == (
        "holds",
        "with half the tolerance: does not hold, with twice: holds",
    )


def test_every_bound_has_a_meaning_of_its_own_and_a_reason() -> None:
    assert len({bound.meaning for bound in ALL}) == len(ALL) > 10
    assert all(bound.reason and bound.value != bound.ideal for bound in ALL)
