"""An ONNX graph whose weights are in a file of their own, in half precision."""

from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper
from torch import nn


def external_weights(path: Path, model: nn.Module, weights: Path) -> bytes:
    """Move the weights of an exported file to a file that several graphs share.

    A weight is stored in half precision. The graph converts it to float32, which a runtime does
    once, when it loads the graph. Constants that are no weights stay in the graph.

    Args:
        path: file from `export_onnx`.
        model: its model, with weights that half precision represents exactly.
        weights: file of the weights, in the order of the state dict. It is written if it does not
            exist.

    Returns:
        The graph. It names the file of the weights without its folder.

    Raises:
        ValueError: a weight is not exact in half precision, or the file has other weights.
    """
    found = onnx.load(path)
    values, places = _arranged(model)
    if not weights.exists():
        weights.write_bytes(values)
    elif weights.read_bytes() != values:
        raise ValueError(f"{weights.name} has the weights of another model; remove it")
    constants, casts = [], []
    for tensor in found.graph.initializer:
        if tensor.name not in places:
            constants.append(tensor)
            continue
        offset, length = places[tensor.name]
        expected = np.frombuffer(values, np.float16, length // 2, offset)
        if not np.array_equal(numpy_helper.to_array(tensor).ravel(), expected):
            raise ValueError(f"{tensor.name} is not exact in half precision; round the model first")
        half = f"{tensor.name}.half"
        constants.append(_external(half, list(tensor.dims), weights.name, offset, length))
        casts.append(helper.make_node("Cast", [half], [tensor.name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *found.graph.node]
    del found.graph.initializer[:], found.graph.node[:]
    found.graph.initializer.extend(constants)
    found.graph.node.extend(nodes)
    content: bytes = found.SerializeToString()
    return content


def _arranged(model: nn.Module) -> tuple[bytes, dict[str, tuple[int, int]]]:
    """The weights one after the other, and the offset and length of each in bytes."""
    parts: list[bytes] = []
    places: dict[str, tuple[int, int]] = {}
    offset = 0
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point():
            part = tensor.detach().half().numpy().tobytes()
            places[name] = offset, len(part)
            parts.append(part)
            offset += len(part)
    return b"".join(parts), places


def _external(
    name: str, dims: list[int], location: str, offset: int, length: int
) -> onnx.TensorProto:
    tensor = onnx.TensorProto(
        name=name,
        dims=dims,
        data_type=onnx.TensorProto.FLOAT16,
        data_location=onnx.TensorProto.EXTERNAL,
    )
    for key, value in (("location", location), ("offset", offset), ("length", length)):
        tensor.external_data.add(key=key, value=str(value))
    return tensor
