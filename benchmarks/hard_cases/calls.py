"""Cases: the ways to call an activation, a pooling or a convolution."""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.hard_cases.nets import WIDTH, Net, Operation, chain, plain, relus
from benchmarks.hard_cases.outcome import Case, twins


def _called(name: str, operation: Operation) -> Case:
    return twins(name, lambda: Net(chain, [operation] * 3), plain)


def _in_place() -> list[Operation]:
    return [nn.ReLU(inplace=True) for _ in range(3)]


def _by_keyword(net: Any, x: Tensor) -> Tensor:
    h = net.act0(input=net.conv0(x))
    h = net.act1(input=net.conv1(h))
    return net.head(net.act2(input=net.conv2(h)).flatten(1))


def _returned_value_ignored(net: Any, x: Tensor) -> Tensor:
    h = net.conv0(x)
    net.act(0, h)
    h = net.conv1(h)
    net.act(1, h)
    h = net.conv2(h)
    net.act(2, h)
    return net.head(h.flatten(1))


def _added_in_place_before(net: Any, x: Tensor) -> Tensor:
    shortcut = net.act(0, net.conv0(x))
    h = net.act(1, net.conv1(shortcut))
    h = net.conv2(h)
    h += shortcut
    return net.head(net.act(2, h).flatten(1))


def _added_before(net: Any, x: Tensor) -> Tensor:
    shortcut = net.act(0, net.conv0(x))
    h = net.act(1, net.conv1(shortcut))
    return net.head(net.act(2, net.conv2(h) + shortcut).flatten(1))


def _added_in_place_after(net: Any, x: Tensor) -> Tensor:
    shortcut = net.act(0, net.conv0(x))
    h = net.act(1, net.conv1(shortcut))
    h += shortcut
    return net.head(net.act(2, net.conv2(h)).flatten(1))


def _added_after(net: Any, x: Tensor) -> Tensor:
    shortcut = net.act(0, net.conv0(x))
    h = net.act(1, net.conv1(shortcut)) + shortcut
    return net.head(net.act(2, net.conv2(h)).flatten(1))


def _half(net: Any, x: Tensor) -> Tensor:
    h = net.conv0(x)
    net.act(0, h[:, : WIDTH // 2])
    h = net.act(1, net.conv1(h))
    return net.head(net.act(2, net.conv2(h)).flatten(1))


def _half_apart(net: Any, x: Tensor) -> Tensor:
    first, rest = net.conv0(x).split(WIDTH // 2, dim=1)
    h = net.act(1, net.conv1(torch.cat([net.act(0, first), rest], dim=1)))
    return net.head(net.act(2, net.conv2(h)).flatten(1))


def _pooled(net: Any, x: Tensor) -> Tensor:
    h = net.pool(net.act(0, net.conv0(x)))
    h = net.act(1, net.conv1(h))
    h = net.act(2, net.conv2(h))
    # Four times as small: each position four times in a row, for the linear layer.
    return net.head(h.flatten(1).repeat_interleave(4, dim=1))


def _pooled_by_function(net: Any, x: Tensor) -> Tensor:
    h = F.max_pool2d(net.act(0, net.conv0(x)), 2)
    h = net.act(1, net.conv1(h))
    h = net.act(2, net.conv2(h))
    return net.head(h.flatten(1).repeat_interleave(4, dim=1))


def _convolved_by_function(net: Any, x: Tensor) -> Tensor:
    h = net.act(0, F.conv2d(x, net.conv0.weight, net.conv0.bias, padding=1))
    h = net.act(1, F.conv2d(h, net.conv1.weight, net.conv1.bias, 1, "same"))
    h = net.act(2, F.conv2d(h, net.conv2.weight, net.conv2.bias, padding=(1, 1)))
    return net.head(h.flatten(1))


CALLS = (
    _called("`F.relu(x)`", F.relu),
    _called("`torch.relu(x)`", torch.relu),
    _called("`x.relu()`", Tensor.relu),
    _called("`x.clamp(min=0)`", lambda z: z.clamp(min=0)),
    _called("`F.relu(x, inplace=True)`", partial(F.relu, inplace=True)),
    _called("`x.relu_()`", Tensor.relu_),
    twins("`nn.ReLU(inplace=True)`", lambda: Net(chain, _in_place()), plain),
    twins(
        "`nn.ReLU(inplace=True)`, the value it returns ignored",
        lambda: Net(_returned_value_ignored, _in_place()),
        plain,
    ),
    twins(
        "`relu_(h[:, :4])`: in place on a view",
        lambda: Net(_half, _in_place()),
        lambda: Net(_half_apart, relus(3)),
    ),
    twins(
        "`h += shortcut`, then `nn.ReLU(inplace=True)`",
        lambda: Net(_added_in_place_before, _in_place()),
        lambda: Net(_added_before, relus(3)),
    ),
    twins(
        "`h = relu(h)`, then `h += shortcut`",
        lambda: Net(_added_in_place_after, relus(3)),
        lambda: Net(_added_after, relus(3)),
        says="modified by an inplace operation",
    ),
    _called("`relu.forward(x)`, which hooks do not see", nn.ReLU().forward),
    twins(
        "`nn.ReLU` called as `relu(input=x)`",
        lambda: Net(_by_keyword, relus(3)),
        plain,
        says="keyword",
    ),
    twins(
        "`F.max_pool2d` (RectGrad with PRR)",
        lambda: Net(_pooled_by_function, relus(3)),
        lambda: Net(_pooled, relus(3), pool=nn.MaxPool2d(2)),
        options={"prr": True},
    ),
    twins(
        "padded `F.conv2d` (RectGrad's padding trick)",
        lambda: Net(_convolved_by_function, relus(3)),
        plain,
    ),
)


def _other(name: str, module: type[nn.Module], operation: Operation) -> Case:
    return twins(
        name,
        lambda: Net(chain, [operation] * 3),
        lambda: Net(chain, [module() for _ in range(3)]),
    )


def _other_in_place(name: str, module: type[nn.Module]) -> Case:
    return twins(
        name,
        lambda: Net(chain, [module(inplace=True) for _ in range(3)]),
        lambda: Net(chain, [module() for _ in range(3)]),
    )


class _OwnReLU(nn.Module):
    def forward(self, z: Tensor) -> Tensor:
        return (z + z.abs()) / 2


OTHERS = (
    _other("`F.gelu(x)`", nn.GELU, F.gelu),
    _other("`F.silu(x)`", nn.SiLU, F.silu),
    _other("`F.leaky_relu(x)`", nn.LeakyReLU, F.leaky_relu),
    _other("`F.relu6(x)`", nn.ReLU6, F.relu6),
    _other("`x.sigmoid()`", nn.Sigmoid, Tensor.sigmoid),
    _other_in_place("`nn.ReLU6(inplace=True)`", nn.ReLU6),
    _other_in_place("`nn.SiLU(inplace=True)`", nn.SiLU),
    twins(
        "`(x + x.abs()) / 2`, in a module of its own",
        lambda: Net(chain, [_OwnReLU() for _ in range(3)]),
        plain,
        expected="warns",
    ),
    twins(
        "the same, its module named (RectGrad with `activations=`)",
        lambda: Net(chain, [_OwnReLU() for _ in range(3)]),
        plain,
        options={"activations": [nn.ReLU, _OwnReLU]},
    ),
)
