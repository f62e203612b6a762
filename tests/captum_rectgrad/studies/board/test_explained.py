"""The maps of a method on a network: ranks of pixels."""

from functools import partial

import pytest
import torch
from torch import Tensor, nn

from tests.support.board import Linear, explained, network, own

MADE = network(Linear(torch.ones(2, 16)).eval(), torch.ones(1000, 1, 4, 4))


def everywhere(values: Tensor, _: nn.Module, x: Tensor, __: Tensor) -> Tensor:
    return values.expand_as(x)


def test_pixels_of_equal_value_are_in_a_random_order_that_all_methods_share() -> None:
    peak = (torch.arange(16) == 5).view(1, 1, 4, 4)
    first, second = (
        explained(own(partial(everywhere, values)), MADE).ranks
        for values in (peak.float(), 3 - 2 * (~peak).float())
    )
    assert torch.equal(first, second)
    assert (first[:, 5] == 0).all()
    assert torch.equal(first.sort(dim=1).values, torch.arange(16).expand(1000, 16))
    # The other pixels have ranks 1 to 15, with a mean of 8 over images.
    tied = first[:, torch.arange(16) != 5].double()
    assert tied.mean(dim=0).tolist() == pytest.approx([8] * 15, abs=0.6)
    assert len({tuple(row) for row in tied.tolist()}) == 1000
