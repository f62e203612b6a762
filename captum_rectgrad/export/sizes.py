"""Numbers of a graph that depend on the size of its inputs.

A graph is recorded at several input shapes. Where the recordings have different numbers, the
number is a function of the shape: a multiple of the batch, or the size of an earlier tensor. This
needs no symbolic shapes, which the engine does not support, since it counts samples.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, fx

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Size:
    """A number that depends on the shape of the inputs.

    Attributes:
        values: its value in each recording.
    """

    values: tuple[int, ...]

    def __neg__(self) -> "Size":
        """The negative number."""
        return Size(tuple(-value for value in self.values))


class DifferentGraphsError(ValueError):
    """The operations themselves depend on the shape of the inputs, or on their values."""

    def __init__(self) -> None:
        super().__init__("its operations depend on the shape of the inputs, or on their values")


@dataclass(frozen=True)
class Operation:
    """An operation of the graph, in all recordings.

    Attributes:
        node: the node of the first recording.
        args: its arguments, with a `Size` for numbers that differ.
        kwargs: its keyword arguments, likewise.
        shapes: for each result, its shape, with a `Size` for numbers that differ.
    """

    node: fx.Node
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    shapes: tuple[tuple[int | Size, ...], ...]


def common_operations(graphs: Sequence[fx.GraphModule]) -> list[Operation]:
    """The operations of a graph that was recorded at several input shapes.

    Args:
        graphs: the recordings.

    Raises:
        DifferentGraphsError: the recordings have different operations.
    """
    nodes = [list(graph.graph.nodes) for graph in graphs]
    if len(set(map(len, nodes))) > 1:
        raise DifferentGraphsError
    numbers = [{node: i for i, node in enumerate(row)} for row in nodes]

    def merged(values: tuple[Any, ...]) -> Any:
        return _merged(values, numbers)

    operations = []
    for row in zip(*nodes, strict=True):
        if len({(node.op, str(node.target)) for node in row}) > 1:
            raise DifferentGraphsError
        if row[0].op == "get_attr":
            _check_same_constant(row, graphs)
        shapes = tuple(map(merged, zip(*(tuple(_shapes(node)) for node in row), strict=True)))
        arguments = merged(tuple(node.args for node in row))
        keywords = {key: merged(tuple(node.kwargs[key] for node in row)) for key in row[0].kwargs}
        operations.append(Operation(row[0], arguments, keywords, shapes))
    return operations


def check_fixed(operations: Sequence[Operation]) -> None:
    """Refuse operations whose numbers differ between recordings at one input shape.

    Args:
        operations: operations of recordings that differ in the values of the inputs alone.

    Raises:
        DifferentGraphsError: a number differs.
    """
    for operation in operations:
        if _has_size((operation.args, *operation.kwargs.values(), operation.shapes)):
            raise DifferentGraphsError


def _has_size(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_has_size, value))
    return isinstance(value, Size)


def _merged(values: tuple[Any, ...], numbers: Sequence[dict[fx.Node, int]]) -> Any:
    first = values[0]
    if isinstance(first, fx.Node):
        places = {number.get(value) for number, value in zip(numbers, values, strict=True)}
        if len(places) > 1:
            raise DifferentGraphsError
        return first
    if isinstance(first, list | tuple):
        if len(set(map(len, values))) > 1:
            raise DifferentGraphsError
        return type(first)(_merged(parts, numbers) for parts in zip(*values, strict=True))
    if all(value == first and type(value) is type(first) for value in values):
        return first
    if all(isinstance(value, int) and not isinstance(value, bool) for value in values):
        return Size(values)
    raise DifferentGraphsError


def _shapes(node: fx.Node) -> Iterator[Shape]:
    value = node.meta.get("val")
    for part in value if isinstance(value, list | tuple) else [value]:
        if isinstance(part, Tensor):
            yield tuple(map(int, part.shape))


def _check_same_constant(row: Sequence[fx.Node], graphs: Sequence[fx.GraphModule]) -> None:
    tensors = [getattr(graph, str(node.target)) for graph, node in zip(graphs, row, strict=True)]
    first = tensors[0]
    for tensor in tensors[1:]:
        if tensor is not first and not (
            tensor.shape == first.shape and bool((tensor == first).all())
        ):
            raise DifferentGraphsError
