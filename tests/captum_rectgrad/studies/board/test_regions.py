"""Shares of regions by hand, and on a network that only sees the trigger."""

import pytest
import torch
from torch import Tensor, nn

from captum_rectgrad.studies.board.networks import TRIGGER, RegionImages
from captum_rectgrad.studies.board.regions import COLUMNS, lacks_region, region_share
from tests.support.board import Linear, explained, network, own

MARK = torch.zeros(4, 4, dtype=torch.bool)
MARK[1:3, 1:3] = True


def backdoored() -> RegionImages:
    targets = torch.zeros(3, dtype=torch.int64)
    return RegionImages(torch.ones(3, 1, 4, 4), targets, MARK.expand(3, 4, 4))


def test_a_network_that_sees_the_trigger_alone_has_all_of_its_gradient_there() -> None:
    model = Linear(torch.stack([MARK.float().flatten(), torch.zeros(16)])).eval()
    found = network(model, torch.ones(3, 1, 4, 4), regions={TRIGGER: backdoored()})
    assert region_share(TRIGGER, explained("saliency", found)).tolist() == [1.0] * 3


def test_share_by_hand() -> None:
    def one_to_three(_: nn.Module, x: Tensor, __: Tensor) -> Tensor:
        # Three at one pixel of the trigger, minus one at a pixel outside.
        maps = torch.zeros_like(x)
        maps[:, :, 1, 1], maps[:, :, 0, 0] = 3, -1
        return maps

    model = Linear(torch.zeros(2, 16)).eval()
    found = network(model, torch.ones(3, 1, 4, 4), regions={TRIGGER: backdoored()})
    assert region_share(TRIGGER, explained(own(one_to_three), found)).tolist() == [0.75] * 3


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: str(column.key))
def test_a_network_without_regions_has_a_reason(column: object) -> None:
    assert isinstance(column, type(COLUMNS[0]))
    found = network(Linear(torch.zeros(2, 16)).eval(), torch.ones(3, 1, 4, 4))
    assert column.lacks(found)
    assert lacks_region(TRIGGER, found) == "the network has no backdoor"
