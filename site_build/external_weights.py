"""The weights of an exported file in a file of their own, which several graphs share."""

from pathlib import Path

import onnx
from onnx import TensorProto
from onnx.external_data_helper import set_external_data


def external_weights(path: Path, weights: Path) -> bytes:
    """Move the weights of an exported file to a file that several graphs share.

    Args:
        path: file from `export_onnx` with `half=True`.
        weights: file of the weights, by their names. It is written if it does not exist.

    Returns:
        The graph. It names the file of the weights without its folder.

    Raises:
        ValueError: the file has other weights.
    """
    found = onnx.load(path)
    halves = [each for each in found.graph.initializer if each.data_type == TensorProto.FLOAT16]
    content = b""
    for tensor in sorted(halves, key=lambda each: each.name):
        set_external_data(tensor, weights.name, len(content), len(tensor.raw_data))
        content += tensor.raw_data
        tensor.ClearField("raw_data")
    if not weights.exists():
        weights.write_bytes(content)
    elif weights.read_bytes() != content:
        raise ValueError(f"{weights.name} has the weights of another model; remove it")
    graph: bytes = found.SerializeToString()
    return graph
