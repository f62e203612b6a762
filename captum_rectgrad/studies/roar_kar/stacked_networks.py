"""Several networks as one module."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Stack(nn.Module):
    """Networks that are called as one module and trained together.

    Their `forward` maps inputs `(K, B, C, H, W)`, a batch for each network, to logits
    `(K, B, classes)`.
    """

    def networks(self) -> list[nn.Module]:
        """The networks, each with its present weights."""
        raise NotImplementedError


class SideBySide(Stack):
    """The networks called one after the other.

    Args:
        networks: K networks.
    """

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.stacked = nn.ModuleList(networks)

    def forward(self, inputs: Tensor) -> Tensor:
        """See `Stack`."""
        pairs = zip(self.stacked, inputs, strict=True)
        return torch.stack([network(batch) for network, batch in pairs])

    def networks(self) -> list[nn.Module]:
        """See `Stack`."""
        return list(self.stacked)
