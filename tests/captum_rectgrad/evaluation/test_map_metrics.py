"""Hand-computed answers, and naive loops beside the fast code."""

import itertools
import math

import pytest
import torch
from scipy.stats import spearmanr

from captum_rectgrad.evaluation.map_metrics import (
    amount_inside,
    amount_of_channels_inside,
    channel_sum,
    rank_correlation,
    relative_total_variation,
    share_inside,
    top_overlap,
    total_variation,
    without_sign,
)

MAPS = torch.randn(4, 3, 6, 5, generator=torch.manual_seed(0))
ZERO = torch.zeros(1, 3, 6, 5)
REGION = torch.zeros(6, 5, dtype=torch.bool)
REGION[:2, :3] = True


def test_by_hand() -> None:
    maps = torch.tensor([[[[1.0, -2.0], [0.0, 4.0]], [[0.0, -1.0], [0.0, 0.0]]]])
    left = torch.tensor([[True, False], [True, False]])
    assert channel_sum(maps).tolist() == [[[1.0, -3.0], [0.0, 4.0]]]
    assert amount_inside(maps, left).tolist() == [1.0]
    assert share_inside(maps, left).tolist() == [1 / 8]
    assert without_sign(maps).tolist() == [[[[1.0, 3.0], [0.0, 4.0]]]]
    unlike = maps * torch.tensor([1.0, -1.0]).view(1, 2, 1, 1)
    assert amount_inside(unlike, ~left).tolist() == [1.0 + 4.0]
    assert amount_of_channels_inside(unlike, ~left).tolist() == [3.0 + 4.0]
    assert total_variation(maps).tolist() == [1 + 7 + 4 + 4]
    assert relative_total_variation(maps).tolist() == [2.0]


def test_regions_of_each_image() -> None:
    regions = torch.stack([REGION, ~REGION, REGION, REGION])
    amounts = amount_inside(MAPS, regions)
    for number in range(4):
        alone = amount_inside(MAPS[number : number + 1], regions[number])
        assert amounts[number] == pytest.approx(alone.item())
    assert (share_inside(MAPS, REGION) + share_inside(MAPS, ~REGION)).tolist() == pytest.approx(
        [1.0] * 4
    )


def test_total_variation_written_naively() -> None:
    for number, values in enumerate(channel_sum(MAPS)):
        expected = 0.0
        for row, column in itertools.product(range(6), range(5)):
            if row:
                expected += abs(float(values[row, column] - values[row - 1, column]))
            if column:
                expected += abs(float(values[row, column] - values[row, column - 1]))
        assert total_variation(MAPS)[number].item() == pytest.approx(expected)


def test_shares_have_no_scale_and_amounts_do() -> None:
    for share in (lambda maps: share_inside(maps, REGION), relative_total_variation):
        torch.testing.assert_close(share(MAPS), share(-7 * MAPS))
    torch.testing.assert_close(7 * amount_inside(MAPS, REGION), amount_inside(-7 * MAPS, REGION))
    torch.testing.assert_close(7 * total_variation(MAPS), total_variation(7 * MAPS))


def test_a_map_of_zeros_has_amounts_but_no_shares() -> None:
    assert amount_inside(ZERO, REGION).item() == 0
    assert total_variation(ZERO).item() == 0
    for found in (share_inside(ZERO, REGION), relative_total_variation(ZERO)):
        assert math.isnan(found.item())
    assert math.isnan(rank_correlation(ZERO, MAPS[:1]).item())
    assert math.isnan(top_overlap(ZERO, MAPS[:1]).item())


def test_single_pixels_apart_vary_most() -> None:
    dots = torch.zeros(1, 1, 9, 9)
    dots[0, 0, 1::3, 1::3] = 5.0
    assert relative_total_variation(dots).item() == 4.0


def test_rank_correlation_is_scipys() -> None:
    other = MAPS.round() + 0.3 * torch.randn(MAPS.shape, generator=torch.manual_seed(1)).round()
    found = rank_correlation(MAPS, other)
    for number in range(4):
        one, two = (channel_sum(maps)[number].flatten().numpy() for maps in (MAPS, other))
        assert found[number].item() == pytest.approx(spearmanr(one, two).statistic)
    torch.testing.assert_close(rank_correlation(MAPS, 3 * MAPS), torch.ones(4).double())
    torch.testing.assert_close(rank_correlation(MAPS, -MAPS), -torch.ones(4).double())


def test_overlap_of_the_highest() -> None:
    first = torch.zeros(3, 1, 2, 5)
    second = torch.zeros(3, 1, 2, 5)
    first[:, 0, 0] = torch.tensor([9.0, 8.0, 1.0, 1.0, -5.0])
    second[0] = first[0]
    second[1, 0, 0] = torch.tensor([9.0, 0.0, 8.0, 0.0, 0.0])
    second[2, 0, 0] = torch.tensor([0.0, 0.0, 0.0, 0.0, 3.0])
    assert top_overlap(first, second, share=0.2).tolist() == [1.0, 1 / 3, 0.0]
    # Six of ten are asked for, four are positive.
    assert top_overlap(first[:1], second[:1], share=0.6).tolist() == [1.0]
