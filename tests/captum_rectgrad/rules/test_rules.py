"""Scores and rules, against the numbers of appendix B.2."""

import pytest
import torch

from captum_rectgrad.rules.scores import ScoreName, score
from captum_rectgrad.rules.signs import SignName, SignRule
from captum_rectgrad.rules.threshold import ThresholdRule

# f = 1 a1 + 10 a2 - 100 a3 + 1000 a4 at (3, 2, 1, 0).
ACTIVATION = torch.tensor([[3.0, 2.0, 1.0, 0.0]])
GRADIENT = torch.tensor([[1.0, 10.0, -100.0, 1000.0]])


@pytest.mark.parametrize(
    ("name", "unit"),
    [("PR1", 1), ("PR2", 2), ("PR3", 0), ("PR4", 3)],
)
def test_the_papers_example_selects_one_unit(name: ScoreName, unit: int) -> None:
    kept = ThresholdRule(name, percentile=74).keep(ACTIVATION, GRADIENT, is_last=True)
    assert kept.tolist() == [[i == unit for i in range(4)]]


def test_mod_is_pr1_at_the_last_hidden_activation_and_pr2_before() -> None:
    mod = ThresholdRule("Mod", percentile=74)
    last = mod.keep(ACTIVATION, GRADIENT, is_last=True)
    before = mod.keep(ACTIVATION, GRADIENT, is_last=False)
    assert last.tolist() == [[False, True, False, False]]
    assert before.tolist() == [[False, False, True, False]]


def test_strictly_greater() -> None:
    kept = ThresholdRule("PR4", tau=10.0).keep(ACTIVATION, GRADIENT, is_last=True)
    assert kept.tolist() == [[False, False, False, True]]


def test_thresholds_never_mix_samples() -> None:
    activation = torch.tensor([[1.0, 2.0, 3.0], [100.0, 200.0, 300.0]])
    kept = ThresholdRule("PR3", percentile=50).keep(activation, torch.ones(2, 3), is_last=True)
    assert kept.tolist() == [[False, False, True]] * 2


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_scored_in_float32(dtype: torch.dtype) -> None:
    # 300 * 300 overflows float16, and 257 * 1 is 256 in bfloat16.
    large = torch.tensor([300.0, 257.0], dtype=dtype)
    scores = score("PR1", large, large)
    assert scores.dtype == torch.float32
    assert scores.tolist() == [float(v) ** 2 for v in large]


def test_float64_stays_float64() -> None:
    scores = score("PR2", torch.ones(1, dtype=torch.float64), -torch.ones(1))
    assert scores.dtype == torch.float64
    assert scores.item() == 1


@pytest.mark.parametrize(
    ("name", "expected"),
    [("deconvnet", [True, True, False, False]), ("guided", [True, False, False, False])],
)
def test_sign_rules_keep_positive_gradients_and_guided_also_needs_an_active_unit(
    name: SignName, expected: list[bool]
) -> None:
    activation, gradient = torch.tensor([[1.0, 0, 1, 0]]), torch.tensor([[2.0, 2, -2, -2]])
    assert SignRule(name).keep(activation, gradient, is_last=False).tolist() == [expected]
