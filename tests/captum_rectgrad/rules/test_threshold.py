"""The threshold is the element that sorting gives."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from captum_rectgrad.rules.threshold import ThresholdRule, nearest_rank, percentile_per_sample


@pytest.mark.parametrize(
    ("count", "percentile", "index"),
    [
        (1, 98, 0),
        (5, 0, 0),
        (5, 100, 4),
        (11, 25, 2),  # 2.5: half to even, down
        (11, 35, 4),  # 3.5: half to even, up
        (4096, 90, 3686),  # 3685.5 in float64; torch.quantile in float32 lands elsewhere
        (100, 99.5, 99),  # a narrow layer: the maximum, so nothing passes
    ],
)
def test_rank_by_hand(count: int, percentile: float, index: int) -> None:
    assert nearest_rank(count, percentile) == index


@given(st.integers(1, 5000), st.floats(0, 100))
def test_rank_agrees_with_numpy(count: int, percentile: float) -> None:
    values = np.arange(count)
    assert nearest_rank(count, percentile) == np.percentile(values, percentile, method="nearest")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("percentile", [0, 12.5, 50, 90, 98, 99.5, 100])
def test_is_an_element_of_each_samples_scores(dtype: torch.dtype, percentile: float) -> None:
    scores = torch.randn(3, 257, generator=torch.manual_seed(0), dtype=dtype)
    scores[1] = scores[1].clamp(min=0)  # ties at zero, as activations give them
    scores[2, :4] = torch.inf
    expected = np.percentile(scores.numpy(), percentile, axis=1, method="nearest", keepdims=True)
    threshold = percentile_per_sample(scores, percentile)
    assert threshold.dtype == dtype
    assert np.array_equal(threshold.numpy(), expected)


def test_threshold_of_a_rule_has_one_number_per_sample() -> None:
    scores = torch.tensor([[[1.0, 2.0], [3.0, 4.0]], [[8.0, 7.0], [6.0, 5.0]]])
    assert ThresholdRule(percentile=100).threshold(scores).tolist() == [4, 8]
    assert ThresholdRule(tau=0.5).threshold(scores).tolist() == [0.5, 0.5]
