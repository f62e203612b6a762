"""Cases: residual sums, by an operator or by a module, which may be made in the forward."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.hard_cases.nets import CLASSES, TARGET, Net, Operation, build, images, relus
from benchmarks.hard_cases.outcome import twins


class Sum(nn.Module):
    """The sum of what is stacked along the last dimension."""

    def forward(self, stacked: Tensor) -> Tensor:
        """Sum over the last dimension."""
        return stacked.sum(-1)


def _block(add: Callable[[Any, Tensor, Tensor], Tensor], net: Any, x: Tensor) -> Tensor:
    h = net.act(0, net.conv0(x))
    h = net.act(1, add(net, h, net.conv1(h)))
    return net.head(net.act(2, net.conv2(h)).flatten(1))


def by_an_operator() -> Net:
    """A residual block that ends in `h + conv(h)` and a ReLU."""
    return Net(partial(_block, lambda _, h, residue: h + residue), relus(3))


def by_a_module(make: Callable[[], nn.Module] = Sum) -> Net:
    """The same, its sum by a module that the block has.

    Args:
        make: makes the module.

    Returns:
        The network.
    """

    def add(net: Any, h: Tensor, residue: Tensor) -> Tensor:
        return net.total(torch.stack([h, residue], dim=-1))

    return Net(partial(_block, add), relus(3), total=make())


def by_a_module_of_the_call(
    make: Callable[[], nn.Module] = Sum, activations: list[Operation] | None = None
) -> Net:
    """The same, its sum by a module that each forward makes.

    Args:
        make: makes the module.
        activations: of the network.

    Returns:
        The network.
    """

    def add(_: Any, h: Tensor, residue: Tensor) -> Tensor:
        total: Tensor = make()(torch.stack([h, residue], dim=-1))
        return total

    return Net(partial(_block, add), activations or relus(3))


def _relu_of_the_call(z: Tensor) -> Tensor:
    a: Tensor = nn.ReLU()(z)
    return a


def _residual_sum(net: Any, x: Tensor) -> Tensor:
    h = net.act(0, net.conv0(x))
    h = h + net.conv1(h)
    return net.head(net.act(1, net.conv2(h)).flatten(1))


def _one_convolution(net: Any, x: Tensor) -> Tensor:
    h = net.act(0, net.conv0(x))
    identity = torch.zeros_like(net.conv1.weight)
    nn.init.dirac_(identity)
    h = F.conv2d(h, net.conv1.weight + identity, net.conv1.bias, padding=1)
    return net.head(net.act(1, net.conv2(h)).flatten(1))


RESIDUAL = (
    twins("`h + conv(h)`, beside a module that adds", by_an_operator, by_a_module),
    twins(
        "a module that adds, made in the forward, as in zennit's issue 236",
        by_a_module_of_the_call,
        by_a_module,
    ),
    twins(
        "the same, and `nn.ReLU()` after it is made there too",
        lambda: by_a_module_of_the_call(activations=[nn.ReLU(), _relu_of_the_call, nn.ReLU()]),
        by_a_module,
    ),
    twins(
        "`h + conv(h)`, beside one convolution that does the same",
        lambda: Net(_residual_sum, relus(2)),
        lambda: Net(_one_convolution, relus(2)),
        options={"padding_trick": False},
    ),
)


def relevance(make: Callable[[], nn.Module]) -> float:
    """What LRP gives the whole input, where the output has 1, as zennit's documentation shows it.

    Args:
        make: makes the network.

    Returns:
        The sum of the map by `EpsilonPlus`, without the share of the biases.
    """
    from zennit.attribution import Gradient  # noqa: PLC0415
    from zennit.composites import EpsilonPlus  # noqa: PLC0415

    output = torch.eye(CLASSES, dtype=torch.float64)[[TARGET]]
    with Gradient(model=build(make), composite=EpsilonPlus(zero_params="bias")) as attributor:
        _, maps = attributor(images(), output)
    return float(maps.sum())


def remark() -> str:
    """What the table does not show: LRP, which needs a rule at the sum.

    Returns:
        A paragraph, measured.
    """
    from zennit.layer import Sum as ZennitSum  # noqa: PLC0415

    plus = relevance(by_an_operator)
    made = relevance(lambda: by_a_module_of_the_call(ZennitSum))
    twin = relevance(lambda: by_a_module(ZennitSum))
    return f"""\
Methods that change the gradient at activations have nothing to find at a sum: each term gets the
gradient that arrives. The third network differs in its ReLU. LRP, which is zennit's main subject
and none of the methods in these tables, needs a rule at the sum. zennit has one for its own module
`zennit.layer.Sum`, and hooks the modules that the model has before it is called. The relevance of
the whole input, by `EpsilonPlus(zero_params="bias")` for an output of 1, is {plus:.3f} in the first
network. With that module it is {made:.3f} in the second and {twin:.3f} in their twin. No message
says so. [Issue 236](https://github.com/chr5tphr/zennit/issues/236) reports this doubling."""
