"""The networks: one skeleton of convolutions, and forwards written the hard and the plain way."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

CHANNELS, SIZE, WIDTH, CLASSES = 3, 8, 8, 5
TARGET = 1

Operation = Callable[[Tensor], Tensor]
Body = Callable[[Any, Tensor], Tensor]


class Net(nn.Module):
    """Three padded convolutions and a linear layer, put together by a function.

    Activations are called by the name of an attribute, as in a forward written by hand: a method
    that puts another module in the place of one has it called.

    Args:
        body: the forward, as a function of this module and the input.
        activations: one for each call `net.act(i, z)`; a module that occurs twice is registered
            once, functions are not registered at all.
        parts: further modules, by name.
    """

    def __init__(self, body: Body, activations: Sequence[Operation], **parts: nn.Module) -> None:
        super().__init__()
        self.conv0 = nn.Conv2d(CHANNELS, WIDTH, 3, padding=1)
        self.conv1 = nn.Conv2d(WIDTH, WIDTH, 3, padding=1)
        self.conv2 = nn.Conv2d(WIDTH, WIDTH, 3, padding=1)
        self.head = nn.Linear(WIDTH * SIZE * SIZE, CLASSES)
        self.body = body
        self.names: list[str] = []
        named: dict[int, str] = {}
        for i, activation in enumerate(activations):
            name = named.setdefault(id(activation), f"act{i}")
            setattr(self, name, activation)
            self.names.append(name)
        for name, part in parts.items():
            self.add_module(name, part)

    def act(self, i: int, z: Tensor) -> Tensor:
        """Call the activation of the i-th call."""
        a: Tensor = getattr(self, self.names[i])(z)
        return a

    def forward(self, x: Tensor) -> Tensor:
        """Logits `(N, 5)` of images `(N, 3, 8, 8)`."""
        return self.body(self, x)


def chain(net: Any, x: Tensor) -> Tensor:
    """Convolution and activation, three times, and the linear layer."""
    h = net.act(0, net.conv0(x))
    h = net.act(1, net.conv1(h))
    h = net.act(2, net.conv2(h))
    logits: Tensor = net.head(h.flatten(1))
    return logits


def plain() -> Net:
    """The chain in its simplest form."""
    return Net(chain, relus(3))


def sequential(act: Callable[[], nn.Module] = nn.ReLU) -> nn.Sequential:
    """A chain as `nn.Sequential`, which `torch.jit.script` can read."""
    return nn.Sequential(
        nn.Conv2d(CHANNELS, WIDTH, 3, padding=1),
        act(),
        nn.Conv2d(WIDTH, WIDTH, 3, padding=1),
        act(),
        nn.Flatten(),
        nn.Linear(WIDTH * SIZE * SIZE, CLASSES),
    )


def relus(n: int) -> list[Operation]:
    """So many `nn.ReLU` modules, none in place."""
    return [nn.ReLU() for _ in range(n)]


def build(make: Callable[[], nn.Module]) -> nn.Module:
    """A network of double precision in eval mode, with the same weights at every call."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return make().double().eval()


def images(n: int = 1) -> Tensor:
    """The same images at every call, `(n, 3, 8, 8)`, signed."""
    generator = torch.Generator().manual_seed(1)
    return torch.randn(n, CHANNELS, SIZE, SIZE, generator=generator, dtype=torch.float64)
