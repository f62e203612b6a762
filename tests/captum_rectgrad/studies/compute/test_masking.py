"""Masks by hand and against Python loops over the pixels."""

import pytest
import torch
from torch import Tensor

from captum_rectgrad.studies.compute.masking import (
    mask_alone,
    mean_colour,
    removed_ranks,
    replaced,
)
from captum_rectgrad.studies.roar_kar.config import FRACTIONS

GENERATOR = torch.Generator().manual_seed(0)
IMAGES = torch.randint(0, 256, (4, 3, 6, 5), dtype=torch.uint8, generator=GENERATOR)
INPUTS = torch.rand(4, 3, 6, 5, generator=GENERATOR) * 2 - 1
RANKS = torch.stack([torch.randperm(30, generator=GENERATOR) for _ in range(4)])
COLOUR = torch.tensor([0.1, -0.2, 0.3])


def removed(ranks: Tensor, fraction: float, *, least: bool) -> Tensor:
    first, last = removed_ranks(ranks.shape[1], fraction, least=least)
    return (ranks >= first) & (ranks <= last)


def test_removed_by_hand() -> None:
    ranks = torch.tensor([[2, 0, 1, 3]])
    assert removed(ranks, 0.25, least=False).tolist() == [[False, True, False, False]]
    assert removed(ranks, 0.25, least=True).tolist() == [[False, False, False, True]]
    assert removed(ranks, 0.75, least=False).tolist() == [[True, True, True, False]]
    assert not removed(ranks, 0.1, least=False).any()
    assert not removed(ranks, 0.1, least=True).any()


@pytest.mark.parametrize("fraction", FRACTIONS)
def test_kar_keeps_what_roar_removes_at_the_other_fraction(fraction: float) -> None:
    ranks = torch.stack([torch.randperm(1024, generator=GENERATOR) for _ in range(3)])
    gone = removed(ranks, fraction, least=False)
    kept = ~removed(ranks, round(1 - fraction, 9), least=True)
    assert torch.equal(gone, kept)
    assert gone.sum(dim=1).tolist() == [round(1024 * fraction)] * 3


@pytest.mark.parametrize("least", [False, True])
@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.9])
def test_against_loops(fraction: float, least: bool) -> None:
    gone = removed(RANKS, fraction, least=least)
    fast = replaced(INPUTS, gone, COLOUR)
    alone = mask_alone(gone, INPUTS)
    count = round(fraction * 30)
    for image in range(4):
        order = sorted(range(30), key=lambda pixel: int(RANKS[image, pixel]))
        chosen = order[-count:] if least else order[:count]
        for pixel in range(30):
            y, x = divmod(pixel, 5)
            for channel in range(3):
                if pixel in chosen:
                    assert fast[image, channel, y, x] == COLOUR[channel]
                    assert alone[image, channel, y, x] == -1
                else:
                    assert fast[image, channel, y, x] == INPUTS[image, channel, y, x]
                    assert alone[image, channel, y, x] == 1


def test_the_mean_colour_is_in_the_networks_range() -> None:
    expected = (IMAGES.double() / 255 * 2 - 1).mean(dim=(0, 2, 3))
    torch.testing.assert_close(mean_colour(IMAGES).double(), expected)
    white = torch.full((2, 3, 4, 4), 255, dtype=torch.uint8)
    assert mean_colour(white).tolist() == [1, 1, 1]
