"""Form and cost: how concentrated a map is, and how many passes it takes."""

from typing import Any

import numpy as np
from torch import Tensor, nn

from captum_rectgrad.studies.board.column import Column, Values
from captum_rectgrad.studies.board.explained import Explained

_TINY = 1e-7  # added to each value, as in Quantus


def gini(maps: Tensor) -> Values:
    """Gini coefficient of the absolute values of a map.

    Args:
        maps: `(N, 1, H, W)`.

    Returns:
        `(N,)`, from 0 for a map of equal values to almost 1 for a single pixel; NaN for a map that
        is zero everywhere.
    """
    values = np.sort(maps.abs().flatten(1).numpy(), axis=1)
    peak = values[:, -1:]
    with np.errstate(invalid="ignore"):
        values = values / peak + _TINY
    count = values.shape[1]
    weights = 2 * np.arange(1, count + 1) - count - 1
    found: Values = (weights * values).sum(axis=1) / (count * values.sum(axis=1))
    return found


def sparseness(explained: Explained) -> Values:
    """Gini coefficient of each map; see `gini`."""
    return gini(explained.own_maps)


class PassCounter:
    """Counts forward and backward passes of a model, by image.

    Copies of a model, which some methods make, share the counter of the original.
    """

    def __init__(self) -> None:
        self.forward = self.backward = 0

    def __deepcopy__(self, _: dict[int, Any]) -> "PassCounter":
        return self

    def __call__(self, _: nn.Module, __: tuple[Any, ...], output: Any) -> None:
        """A forward hook."""
        if not isinstance(output, Tensor):
            return
        self.forward += len(output)
        if output.requires_grad:
            output.register_hook(self.count_backward)  # type: ignore[no-untyped-call]

    def count_backward(self, gradient: Tensor) -> None:
        """A hook of the output's gradient."""
        self.backward += len(gradient)


def cost(explained: Explained) -> Values:
    """Cost of the map of an image in gradients, by counted passes.

    A backward pass counts as two forward passes (each layer computes two gradients), a gradient as
    one of each. Passes through a part of the network count as whole ones.

    Args:
        explained: the method and the network.

    Returns:
        `(N,)`, the same number for all images; 1 for the plain gradient.
    """
    network = explained.network
    x, y = (each[:1].to(explained.device) for each in (network.inputs, network.targets))
    # A method may check itself at its first call.
    explained.attributions(network.inputs[:1], network.targets[:1])
    counter = PassCounter()
    hook = network.model.register_forward_hook(counter)
    try:
        explained.call(network.model, x, y, explained.seed)
    finally:
        hook.remove()
    return np.full(len(network.inputs), (counter.forward + 2 * counter.backward) / 3)


COLUMNS = (
    Column(
        key="sparseness",
        title="Sparseness",
        family="form",
        better=None,
        meaning="Gini coefficient of the absolute values: 0 for equal values, 1 for one pixel. It "
        "describes a map; a sparse map is not a better one.",
        source="Chalasani et al. 2020",
        measure=sparseness,
    ),
    Column(
        key="cost",
        title="Cost",
        family="cost",
        better="lower",
        meaning="Counted forward and backward passes for one map, in gradients: a backward pass "
        "counts as two forward passes.",
        source="own count",
        measure=cost,
    ),
)
