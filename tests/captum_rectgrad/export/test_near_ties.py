"""Counts of units within rounding of a threshold, by hand."""

import torch

from captum_rectgrad import SignRule, ThresholdRule
from captum_rectgrad.export.near_ties import TieCounter


def test_units_near_a_percentile_are_counted_without_the_threshold_itself() -> None:
    # Scores 1, 2, 2 + 4e-6, 4, of which 2 is the threshold; rounding is 1e-5 of 4.
    counter = TieCounter(ThresholdRule("PR3", percentile=33))
    scores = torch.tensor([[1.0, 2.0, 2.000004, 4.0]])
    kept = counter.keep(scores, torch.zeros(1, 4), is_last=True)
    assert kept.tolist() == [[False, False, True, True]]
    assert counter.total(1).tolist() == [1]


def test_gradients_near_zero_are_counted_at_active_units() -> None:
    counter = TieCounter(SignRule("guided"))
    activation = torch.tensor([[1.0, 0.0, 1.0], [1.0, 1.0, 1.0]])
    gradient = torch.tensor([[1e-6, 1e-6, 1.0], [0.0, -1e-7, -1.0]])
    counter.keep(activation, gradient, is_last=True)
    counter.keep(activation, gradient, is_last=False)
    assert counter.total(2).tolist() == [2, 2]


def test_own_rules_have_no_known_threshold() -> None:
    class Positive:
        def keep(
            self, activation: torch.Tensor, grad_output: torch.Tensor, *, is_last: bool
        ) -> torch.Tensor:
            del is_last
            return activation * grad_output > 0

    counter = TieCounter(Positive())
    assert counter.keep(torch.ones(2, 1), torch.ones(2, 1), is_last=True).all()
    assert counter.total(2).tolist() == [0, 0]
