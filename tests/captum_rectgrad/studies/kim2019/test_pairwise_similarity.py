"""Likeness of maps pair by pair: by hand, against naive loops, and what its interval covers."""

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr

from captum_rectgrad.evaluation.map_metrics import top_overlap
from captum_rectgrad.studies.kim2019 import pairwise_similarity as module
from captum_rectgrad.studies.kim2019.pairwise_similarity import (
    KINDS,
    OVERLAP,
    RANK,
    correlations,
    likeness,
    overlaps,
)

LABELS = torch.tensor([3, 5, 3, 5, 3, 7])
MAPS = torch.randn(6, 3, 4, 5, generator=torch.manual_seed(0)).round()
MAPS[2] = 0  # constant: like nothing


def test_tables_written_naively() -> None:
    ranks, tops = correlations(MAPS), overlaps(MAPS)
    summed = MAPS.sum(dim=1).flatten(1).numpy()
    for one in range(6):
        for two in range(6):
            if one == two or 2 in (one, two):
                assert math.isnan(ranks[one, two])
                assert math.isnan(tops[one, two])
            else:
                expected = spearmanr(summed[one], summed[two]).statistic
                assert ranks[one, two] == pytest.approx(expected)
                overlap = top_overlap(MAPS[one : one + 1], MAPS[two : two + 1]).item()
                assert tops[one, two] == pytest.approx(overlap)


def test_means_written_naively() -> None:
    table = correlations(MAPS)
    found = likeness(MAPS, LABELS, seed=0)[RANK]
    same: list[float] = []
    other: list[float] = []
    for one in (0, 1, 3, 4, 5):
        groups: dict[bool, list[float]] = {True: [], False: []}
        for two in {0, 1, 3, 4, 5} - {one}:
            groups[bool(LABELS[one] == LABELS[two])].append(table[one, two])
        same.append(float(np.mean(groups[True])) if groups[True] else math.nan)
        other.append(float(np.mean(groups[False])))
    assert found.same.value == pytest.approx(np.nanmean(same))
    assert found.other.value == pytest.approx(np.mean(other))
    assert found.more.value == pytest.approx(np.nanmean(np.array(same) - np.array(other)))
    assert math.isnan(found.same.low)  # of six images


def test_by_hand() -> None:
    # Two images of one class and one of another, two pixels each.
    maps = torch.tensor([[3.0, 1.0], [9.0, -1.0], [-5.0, 1.0]]).view(3, 1, 1, 2)
    found = likeness(maps, torch.tensor([0, 0, 1]), seed=0)
    assert list(found) == list(KINDS)
    assert found[RANK].same.value == pytest.approx(1.0)
    assert found[RANK].other.value == pytest.approx(-1.0)
    assert found[RANK].more.value == pytest.approx(2.0)
    assert (found[OVERLAP].same.value, found[OVERLAP].other.value) == (1.0, 0.0)
    # Without their sign all three maps have more at the left.
    absolute = found[f"{RANK} of absolute values"]
    assert absolute.other.value == pytest.approx(1.0)
    assert found[f"{OVERLAP} of absolute values"].other.value == 1.0


def test_an_image_drawn_twice_is_no_pair() -> None:
    table = np.array([[math.nan, 0.2, 0.4], [0.2, math.nan, 0.6], [0.4, 0.6, math.nan]])
    everything = np.ones((3, 3), dtype=bool)
    times = np.array([[2.0, 1.0, 0.0]])
    of_each = module._of_each(table, everything, times)
    # The first twice and the second: of the first the other is the second, and the other way round.
    assert of_each[0, :2].tolist() == pytest.approx([0.2, 0.2])
    assert module._mean_drawn(of_each, times).tolist() == pytest.approx([0.2])


def tables(count: int, seed: int) -> NDArray[np.float64]:
    """Likenesses of images that are more or less like any other: pairs that share one depend."""
    own = np.random.default_rng(seed).normal(size=count)
    table = own[:, None] + own
    np.fill_diagonal(table, np.nan)
    return table


def test_the_interval_covers_the_truth_though_pairs_share_images() -> None:
    everything = np.ones((40, 40), dtype=bool)
    covered = []
    for seed in range(60):
        found = module._likeness(tables(40, seed), everything, seed).same
        covered.append(found.low < 0 < found.high)
        # The mean is twice that of 40 normal numbers: a standard error of 2 / sqrt(40).
    assert np.mean(covered) > 0.87
    assert found.high - found.low == pytest.approx(4 * 1.96 / math.sqrt(40), rel=0.3)
