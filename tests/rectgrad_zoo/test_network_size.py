"""The limit on the size of a network while it is built."""

import pytest
import torch

from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.network_size import NetworkSizeLimit


def test_each_context_has_the_whole_limit() -> None:
    limit = NetworkSizeLimit({"weight": torch.zeros(1)}, 4, "weights.pth")
    for _ in range(2):
        with limit, torch.device("meta"):
            torch.empty(40_000_000)
    with limit, torch.device("meta"):
        torch.empty(40_000_000)
        with pytest.raises(ZooError, match=r"weights\.pth has 1 numbers"):
            torch.empty(40_000_000)
