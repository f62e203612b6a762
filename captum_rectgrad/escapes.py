"""Activations that no hook and no function mode reached, found in the graph they left behind.

They are inside fused operations such as `nn.LSTM`'s, in scripted functions, in other threads, or in
a `torch.autograd.Function` of somebody's own. Their gradient is the plain one, and that is said.
"""

from collections.abc import Iterable, Iterator
from typing import Any, cast

from torch import Tensor, nn
from torch.autograd.function import BackwardCFunction
from torch.autograd.graph import Node
from torch.utils.hooks import RemovableHandle

from captum_rectgrad.activations import Choice

# By the names of their nodes.
ACTIVATIONS: dict[str, type[nn.Module]] = {
    "Celu": nn.CELU,
    "Elu": nn.ELU,
    "Gelu": nn.GELU,
    "Hardshrink": nn.Hardshrink,
    "Hardsigmoid": nn.Hardsigmoid,
    "Hardswish": nn.Hardswish,
    "Hardtanh": nn.Hardtanh,
    "LeakyRelu": nn.LeakyReLU,
    "LogSigmoid": nn.LogSigmoid,
    "Mish": nn.Mish,
    "PreluKernel": nn.PReLU,
    "Relu": nn.ReLU,
    "RreluWithNoise": nn.RReLU,
    "Sigmoid": nn.Sigmoid,
    "Silu": nn.SiLU,
    "Softplus": nn.Softplus,
    "Softshrink": nn.Softshrink,
    "Tanh": nn.Tanh,
    "Threshold": nn.Threshold,
}
# Whole layers and cells in one operation, with activations inside; and whole scripts.
FUSED = {"CudnnRnn", "MiopenRnn", "MkldnnRnnLayer", "ThnnFusedGruCell", "ThnnFusedLstmCell"}
SCRIPTED = "DifferentiableGraph"

# Set in the metadata of nodes that stand for an activation which was dealt with.
KNOWN = "captum_rectgrad"


def made_before(x: object) -> int:
    """The number of the node behind a tensor: what is computed of it later has greater ones."""
    return _number(x.grad_fn) if isinstance(x, Tensor) and x.grad_fn is not None else 0


def mark_known(activation: Tensor, before: int) -> None:
    """Mark the nodes that one call of an activation made.

    Args:
        activation: what it returned.
        before: `made_before` of its operand when it was called.
    """
    waiting = [activation.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is not None and _number(node) > before and KNOWN not in _metadata(node):
            _metadata(node)[KNOWN] = True
            waiting.extend(following for following, _ in node.next_functions)


def watch(
    tensors: Iterable[Tensor], choice: Choice, escaped: set[str]
) -> Iterator[RemovableHandle]:
    """Have the backward pass note the activations it meets that nobody dealt with.

    Args:
        tensors: what the model computed: its output, or a layer's.
        choice: which activations are to be rectified at all.
        escaped: filled with the names of their nodes.

    Yields:
        Handles of hooks, to be removed: the graph may go on into graphs that are not the model's.
    """
    waiting, seen = [tensor.grad_fn for tensor in tensors], set[Node]()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        waiting.extend(following for following, _ in node.next_functions)
        label = _unseen(node, choice)
        if label:
            yield node.register_prehook(lambda _, label=label: escaped.add(label))


def _unseen(node: Node, choice: Choice) -> str:
    """What to call a node if an activation may have escaped there, or nothing."""
    name = node.name().rstrip("0123456789").removesuffix("Backward")
    if name in ACTIVATIONS:
        return name if choice.includes_class(ACTIVATIONS[name]) and not _known(node) else ""
    if choice.chosen is not None:  # whoever chose knows what else there is
        return ""
    if _is_own(node):
        return "" if _known(node) else f"{name} (an autograd.Function)"
    return name if name in FUSED or SCRIPTED in name else ""


def _is_own(node: Any) -> bool:
    """Whether it is of an `autograd.Function`, but for ours and PyTorch's: those keep the books."""
    if not isinstance(node, BackwardCFunction):
        return False
    function: type = node._forward_cls  # type: ignore[attr-defined] # noqa: SLF001
    return function.__module__.split(".")[0] not in {"torch", "captum_rectgrad"}


def _known(node: Node) -> bool:
    return KNOWN in _metadata(node)


def _metadata(node: Node) -> dict[str, Any]:
    """It is a dictionary, whatever the annotation says."""
    return cast("dict[str, Any]", node.metadata)


def _number(node: Node) -> int:
    """Nodes are numbered as they are made; leaves, which are not, come as the last."""
    number = node._sequence_nr()  # noqa: SLF001
    return number if number < 1 << 63 else -1
