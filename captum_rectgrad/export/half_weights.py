"""Weights in half precision in the file, which a runtime converts when it loads the file."""

import copy

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import nn

_SMALLEST = 1024  # elements of a tensor for which it is worth a conversion


def rounded(model: nn.Module) -> nn.Module:
    """A copy of a model whose large parameters have the values of float16, in float32.

    Args:
        model: model in float32.
    """
    result = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in result.parameters():
            half = parameter.half()
            if parameter.numel() >= _SMALLEST and bool(half.isfinite().all()):
                parameter.copy_(half)
    return result


def store_half(exported: onnx.ModelProto) -> None:
    """Store constants whose values are those of float16 in that type, with a conversion.

    Args:
        exported: the exported model of a `rounded` one, which is changed.
    """
    graph = exported.graph
    taken = {name for node in graph.node for name in node.output}
    taken.update(each.name for each in (*graph.initializer, *graph.input))
    conversions, constants = [], []
    for tensor in exported.graph.initializer:
        half = _exact_half(tensor)
        if half is None:
            constants.append(tensor)
            continue
        name = f"{tensor.name}_half"
        while name in taken:
            name += "_"
        constants.append(numpy_helper.from_array(half, name))
        conversions.append(helper.make_node("Cast", [name], [tensor.name], to=TensorProto.FLOAT))
    nodes = [*conversions, *exported.graph.node]
    del exported.graph.initializer[:], exported.graph.node[:]
    exported.graph.initializer.extend(constants)
    exported.graph.node.extend(nodes)
    onnx.checker.check_model(exported)


def _exact_half(tensor: onnx.TensorProto) -> NDArray[np.float16] | None:
    """The values of a large constant in float16; None if they are not exact."""
    if tensor.data_type != TensorProto.FLOAT:
        return None
    values = numpy_helper.to_array(tensor)
    with np.errstate(over="ignore"):
        half = values.astype(np.float16)
    is_exact = values.size >= _SMALLEST and np.array_equal(half.astype(np.float32), values)
    return half if is_exact else None
