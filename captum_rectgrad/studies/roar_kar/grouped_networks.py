"""Several `cifar10_cnn` as one network with grouped convolutions: the fastest training on a GPU.

`benchmarks/training` compares it with a plain loop.
"""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from captum_rectgrad.studies.roar_kar.stacked_networks import Stack

ARCHITECTURE = "cifar10_cnn"
_CONVOLUTIONS = ("conv1", "conv2", "conv3", "conv4")
_POOLED = ("conv2", "conv4")
_DENSE = ("fc1", "fc2")


class Grouped(Stack):
    """`cifar10_cnn` with a group of channels for each network, and batched matrix products.

    Args:
        networks: K networks of this architecture.
    """

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        super().__init__()
        self._template = [copy.deepcopy(networks[0])]  # in a list: it is no part of this module
        self._count = len(networks)
        for name in (*_CONVOLUTIONS, *_DENSE):
            layers: list[Any] = [network.get_submodule(name) for network in networks]
            join = torch.cat if name in _CONVOLUTIONS else torch.stack
            weight = join([layer.weight.detach() for layer in layers])
            if name in _CONVOLUTIONS:
                weight = weight.contiguous(memory_format=torch.channels_last)
            self.register_parameter(f"{name}_weight", nn.Parameter(weight))
            bias = join([layer.bias.detach() for layer in layers])
            self.register_parameter(f"{name}_bias", nn.Parameter(bias))

    def forward(self, inputs: Tensor) -> Tensor:
        """See `Stack`."""
        # (K, B, C, H, W) to (B, K * C, H, W): the channels of a network are neighbours.
        x = inputs.transpose(0, 1).flatten(1, 2).contiguous(memory_format=torch.channels_last)
        for name in _CONVOLUTIONS:
            weight, bias = self._layer(name)
            x = F.relu(F.conv2d(x, weight, bias, padding=1, groups=self._count))
            if name in _POOLED:
                x = F.max_pool2d(x, 2)
        x = x.reshape(len(x), self._count, -1).transpose(0, 1)
        weight, bias = self._layer("fc1")
        x = F.relu(torch.baddbmm(bias[:, None], x, weight.transpose(1, 2)))
        weight, bias = self._layer("fc2")
        return torch.baddbmm(bias[:, None], x, weight.transpose(1, 2))

    def networks(self) -> list[nn.Module]:
        """See `Stack`."""
        found = [copy.deepcopy(self._template[0]) for _ in range(self._count)]
        with torch.no_grad():
            for name in (*_CONVOLUTIONS, *_DENSE):
                for kind, joined in zip(("weight", "bias"), self._layer(name), strict=True):
                    parts = joined.chunk(self._count) if name in _CONVOLUTIONS else joined
                    for network, part in zip(found, parts, strict=True):
                        network.get_parameter(f"{name}.{kind}").copy_(part)
        return found

    def _layer(self, name: str) -> tuple[Tensor, Tensor]:
        return self.get_parameter(f"{name}_weight"), self.get_parameter(f"{name}_bias")
