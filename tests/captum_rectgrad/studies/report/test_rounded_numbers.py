import math

import pytest

from captum_rectgrad.evaluation.estimate import Estimate
from captum_rectgrad.studies.report.rounded_numbers import decimals_of, fixed, interval_text


@pytest.mark.parametrize(
    ("low", "high", "decimals"),
    [
        (59.9, 73.9, 1),
        (100, 300, 0),
        (0.3, 0.9, 2),
        (0.42, 0.46, 3),
        (0.044, 0.048, 3),
        (0.0462, 0.0466, 4),
    ],
)
def test_decimals_are_those_that_the_interval_allows(
    low: float, high: float, decimals: int
) -> None:
    assert decimals_of([Estimate((low + high) / 2, low, high, 9)]) == decimals


def test_estimates_that_are_compared_have_the_decimals_of_most() -> None:
    wide, narrow = Estimate(50, 40, 60, 9), Estimate(0.5, 0.48, 0.52, 9)
    exact, alone = Estimate(1, 1, 1, 9), Estimate(1, math.nan, math.nan, 1)
    assert decimals_of([wide, narrow, narrow, exact, alone]) == 3
    assert decimals_of([wide, wide, narrow]) == 0
    assert decimals_of([exact, alone]) == 3


def test_zero_has_no_sign() -> None:
    assert fixed(-0.0001, 3) == "0.000"
    assert fixed(-0.0006, 3) == "-0.001"


def test_an_estimate_without_an_interval_has_none() -> None:
    assert interval_text(Estimate(1, math.nan, math.nan, 1), 2) == ""
    assert interval_text(Estimate(1, 0.876, 1.2, 9), 2) == "0.88 to 1.20"
