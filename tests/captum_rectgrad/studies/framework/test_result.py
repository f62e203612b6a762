import pytest

from captum_rectgrad.evaluation.estimate import Estimate
from captum_rectgrad.studies.framework.result import (
    Verdict,
    all_of,
    judged,
    judged_above,
    judged_against_all,
    judged_within,
    level_of_family,
)

NAN = float("nan")


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.1, 0.3, "holds"),
        (0.0, 0.3, "undecided"),
        (-0.1, 0.3, "undecided"),
        (-0.3, -0.1, "does not hold"),
        (0.0, 0.0, "does not hold"),
        (NAN, NAN, "undecided"),
    ],
)
def test_a_difference_is_judged_by_its_interval(low: float, high: float, verdict: Verdict) -> None:
    assert judged(Estimate((low + high) / 2, low, high, 10)) == verdict


@pytest.mark.parametrize(
    ("low", "high", "above", "within"),
    [
        (0.6, 0.7, "holds", "does not hold"),
        (0.4, 0.7, "undecided", "undecided"),
        (0.2, 0.4, "does not hold", "holds"),
        (-0.4, 0.4, "does not hold", "holds"),
        (-0.7, -0.6, "does not hold", "does not hold"),
        (-0.7, 0.1, "does not hold", "undecided"),
        (NAN, NAN, "undecided", "undecided"),
    ],
)
def test_bounds_are_judged_by_the_interval(
    low: float, high: float, above: Verdict, within: Verdict
) -> None:
    found = Estimate((low + high) / 2, low, high, 10)
    assert judged_above(found, 0.5) == above
    assert judged_within(found, 0.5) == within


def test_the_verdict_on_several_numbers_is_their_worst() -> None:
    assert all_of(["holds", "holds"]) == "holds"
    assert all_of(["holds", "undecided"]) == "undecided"
    assert all_of(["undecided", "does not hold", "holds"]) == "does not hold"


@pytest.mark.parametrize(
    ("found", "corrected", "verdict"),
    [
        (["holds", "holds"], ["holds", "undecided"], "holds"),
        (["holds", "does not hold"], ["holds", "does not hold"], "does not hold"),
        (["holds", "does not hold"], ["holds", "undecided"], "undecided"),
        (["holds", "undecided"], ["holds", "undecided"], "undecided"),
    ],
)
def test_only_a_claim_that_fails_against_any_other_needs_the_correction(
    found: list[Verdict], corrected: list[Verdict], verdict: Verdict
) -> None:
    assert judged_against_all(found, corrected) == verdict


def test_level_of_a_family() -> None:
    assert [level_of_family(size) for size in (1, 5)] == pytest.approx([0.95, 0.99])
