"""Activations that no hook and no function mode reached, found in the graph they left behind.

They are inside fused operations such as `nn.LSTM`'s, in scripted functions, or in a
`torch.autograd.Function` of somebody's own. Their gradient is the plain one, and that is said.
"""

from collections.abc import Iterable, Iterator
from typing import Any, cast

from torch import Tensor
from torch.autograd.function import BackwardCFunction
from torch.autograd.graph import Node

ACTIVATIONS = {
    "Celu",
    "Elu",
    "Gelu",
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "LeakyRelu",
    "LogSigmoid",
    "Mish",
    "PreluKernel",
    "Relu",
    "RreluWithNoise",
    "Sigmoid",
    "Silu",
    "Softplus",
    "Softshrink",
    "Tanh",
    "Threshold",
    # Whole layers and cells in one operation, with activations inside.
    "CudnnRnn",
    "MiopenRnn",
    "MkldnnRnnLayer",
    "ThnnFusedGruCell",
    "ThnnFusedLstmCell",
}
SCRIPTED = "DifferentiableGraph"

# Set in the metadata of nodes that stand for an activation which was dealt with.
KNOWN = "captum_rectgrad"


def mark_known(activation: Tensor, before: Node | None) -> None:
    """Mark the nodes of one activation call: those behind its result, down to what was before.

    Args:
        activation: what it returned.
        before: the node behind its operand when it was called.
    """
    for node in _nodes([activation.grad_fn], before):
        _metadata(node)[KNOWN] = True


def watch(tensors: Iterable[Tensor], escaped: set[str]) -> None:
    """Have the backward pass note the activations it meets that nobody dealt with.

    Args:
        tensors: what the model computed: its output, or a layer's.
        escaped: filled with the names of their nodes.
    """
    for node in _nodes([tensor.grad_fn for tensor in tensors], None):
        name = node.name().removesuffix("0").removesuffix("1").removesuffix("Backward")
        own = _is_own(node)
        unseen = name in ACTIVATIONS or own or SCRIPTED in name
        if unseen and KNOWN not in _metadata(node):
            label = f"{name} (an autograd.Function)" if own else name

            def note(_: object, label: str = label) -> None:
                escaped.add(label)

            node.register_prehook(note)


def _is_own(node: Any) -> bool:
    """Whether it is of an `autograd.Function`, but for PyTorch's: those keep the books."""
    if not isinstance(node, BackwardCFunction):
        return False
    function: type = node._forward_cls  # type: ignore[attr-defined] # noqa: SLF001
    return not function.__module__.startswith("torch.")


def _metadata(node: Node) -> dict[str, Any]:
    """It is a dictionary, whatever the annotation says."""
    return cast("dict[str, Any]", node.metadata)


def _nodes(starts: Iterable[Node | None], end: Node | None) -> Iterator[Node]:
    waiting, seen = list(starts), {end}
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        yield node
        waiting.extend(following for following, _ in node.next_functions)
