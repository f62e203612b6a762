"""Max-pooling nodes of the graph with PRR."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import get_gradient_edge

from captum_rectgrad._engine.graph import nodes_between
from captum_rectgrad.errors import RectGradError
from captum_rectgrad.rules.max_pooling import Windows, redistribute

if TYPE_CHECKING:
    from captum_rectgrad._engine.activation_nodes import Value

MAX_POOLS = {"MaxPool2DWithIndicesBackward0": 2, "MaxPool3DWithIndicesBackward0": 3}
ADAPTIVE_MAX_POOLS = {"AdaptiveMaxPool2DBackward0": 2, "AdaptiveMaxPool3DBackward0": 3}
PAD = "ConstantPadNdBackward0"


def redistributed(node: Any, name: str, recorded: Tensor | None) -> Callable[[Tensor], Tensor]:
    """The function from the output gradient of a max-pooling to its input gradient.

    Args:
        node: node of the pooling.
        name: name of the node.
        recorded: input of the pooling; None to read it from the node.

    Raises:
        RectGradError: the windows of the pooling are unknown.
    """
    if name not in MAX_POOLS and name not in ADAPTIVE_MAX_POOLS:
        raise RectGradError(
            f"PRR does not support the pooling {name}, expected a max-pooling with known windows "
            "(those of fractional pooling are random); use prr=False"
        )
    value: Value = (lambda _: recorded) if recorded is not None else (lambda n: n._saved_self)
    if name in ADAPTIVE_MAX_POOLS:
        dims = ADAPTIVE_MAX_POOLS[name]
        return lambda gradient: redistribute(value(node), gradient, dims)
    dims = MAX_POOLS[name]
    kernel = _each(node._saved_kernel_size, dims)
    windows = Windows(
        kernel,
        _each(node._saved_stride, dims) or kernel,
        _each(node._saved_padding, dims),
        _each(node._saved_dilation, dims),
        node._saved_ceil_mode,
    )
    # A module with its own padding, such as TensorFlow's SAME, pads with -inf.
    before = node.next_functions[0][0]
    if before is not None and before.name() == "CloneBackward0":  # of a recorded forward pass
        before = before.next_functions[0][0]
    is_padded = before is not None and before.name() == PAD
    return lambda gradient: redistribute(value(node), gradient, dims, windows, is_padded=is_padded)


def _each(values: tuple[int, ...], dims: int) -> tuple[int, ...]:
    return tuple(values) * dims if len(values) == 1 else tuple(values)


def calls_max_pools(model: nn.Module, x: Tensor) -> bool:
    """Whether a max-pooling lies between the input and the output of a model.

    Args:
        model: model in eval mode.
        x: input `(N, ...)`.
    """
    with torch.enable_grad():
        leaf = x.detach().clone().requires_grad_()
        output: Tensor = model(leaf)
    nodes = nodes_between([output.grad_fn], {get_gradient_edge(leaf).node})
    return any("MaxPool" in node.name() for node in nodes)
