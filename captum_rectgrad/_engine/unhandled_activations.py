"""Nodes with possible activations that hooks cannot reach, for warnings."""

from typing import Any

import torch
from torch.autograd.function import BackwardCFunction

# Layers and cells as one operation with activations inside, and compiled or scripted code.
FUSED = ("CudnnRnn", "MiopenRnn", "MkldnnRnnLayer", "ThnnFused", "CompiledFunction")
SCRIPTED = "DifferentiableGraph"
# Operations that can express a ReLU.
SPELLINGS = ("MaximumBackward0", "WhereBackward0", "MaskedFillBackward0", "MulBackward0")

# What an operation with a mask is called. It may also choose a region of an output.
MASKED_FILL, WHERE, PRODUCT = "x.masked_fill(mask, 0)", "torch.where(mask, x, 0)", "x * mask"
MASKS = frozenset({MASKED_FILL, WHERE, PRODUCT})


def unhandled_activation(node: Any, *, may_read: bool) -> str | None:
    """The label of a node that may contain an activation, or None.

    Args:
        node: node of the graph.
        may_read: whether saved tensors may be read. In a checkpoint they can be read only once.
    """
    name: str = node.name()
    if isinstance(node, BackwardCFunction):
        function: type = node._forward_cls  # type: ignore[attr-defined]
        if function.__module__.split(".")[0] == "torch":
            return None
        return f"{name.removesuffix('Backward')} (an autograd.Function)"
    if name.startswith(FUSED):
        return name.rstrip("0123456789").removesuffix("Backward")
    if SCRIPTED in name:
        return "TorchScript code"
    return _spelled_out_relu(node, name) if may_read and name in SPELLINGS else None


def _spelled_out_relu(node: Any, name: str) -> str | None:
    """The label of a possible ReLU written with `maximum`, `where`, `masked_fill` or a mask."""
    shape = torch.Size(node._input_metadata[0].shape)
    constant = [child is None for child, _ in node.next_functions]
    if name == "MaskedFillBackward0":
        return MASKED_FILL if node._saved_mask.shape == shape else None
    if True not in constant:
        return None
    if name == "WhereBackward0":
        return WHERE if node._saved_condition.shape == shape else None
    other = (node._saved_self, node._saved_other)[constant.index(True)]
    if name == "MaximumBackward0":
        return "torch.maximum(x, 0)" if other.numel() == 1 or not other.any() else None
    is_mask = other is not None and other.dtype is torch.bool and other.shape == shape
    return PRODUCT if is_mask else None
