"""Other ways to make one of several networks, to hold `SideBySide` against."""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state
from torch.nn import functional as F

from captum_rectgrad.studies.roar_kar.stacked_training import SideBySide, Stack

_CONVOLUTIONS = ("conv1", "conv2", "conv3", "conv4")
_POOLED = ("conv2", "conv4")
_DENSE = ("fc1", "fc2")


class Grouped(Stack):
    """`cifar10_cnn` with a group of channels for each network, and batched matrix products.

    Args:
        networks: K of them, all `cifar10_cnn`.
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


class Vmapped(Stack):
    """`torch.func.vmap` over stacked parameters.

    Args:
        networks: K of them, of one architecture without buffers.
    """

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        super().__init__()
        self._template = [copy.deepcopy(networks[0])]
        state, _ = stack_module_state(list(networks))
        self._names = list(state)
        self.stacked = nn.ParameterList(nn.Parameter(value.detach()) for value in state.values())

    def forward(self, inputs: Tensor) -> Tensor:
        """See `Stack`."""
        state = dict(zip(self._names, self.stacked, strict=True))
        logits: Tensor = torch.vmap(self._one)(state, inputs)
        return logits

    def networks(self) -> list[nn.Module]:
        """See `Stack`."""
        found = [copy.deepcopy(self._template[0]) for _ in self.stacked[0]]
        with torch.no_grad():
            for name, values in zip(self._names, self.stacked, strict=True):
                for network, value in zip(found, values, strict=True):
                    network.get_parameter(name).copy_(value)
        return found

    def _one(self, state: dict[str, Tensor], inputs: Tensor) -> Any:
        return functional_call(self._template[0], state, (inputs,))


class OnStreams(SideBySide):
    """The networks one beside the other on several CUDA streams.

    Args:
        networks: K of them, on one GPU.
    """

    STREAMS = 4

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        super().__init__(networks)
        self._streams = [torch.cuda.Stream() for _ in range(self.STREAMS)]

    def forward(self, inputs: Tensor) -> Tensor:
        """See `Stack`."""
        current, logits = torch.cuda.current_stream(), []
        for number, (network, batch) in enumerate(zip(self.stacked, inputs, strict=True)):
            stream = self._streams[number % self.STREAMS]
            stream.wait_stream(current)
            with torch.cuda.stream(stream):
                logits.append(network(batch))
        for stream in self._streams:
            current.wait_stream(stream)
        return torch.stack(logits)
