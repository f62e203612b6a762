"""The batch dimension of the tensors of a model.

Thresholds are per sample, and a model may move another dimension to the front: time, the windows
of an image, the members of an ensemble. Such a dimension may have the length of the batch, so
shapes are not sufficient. The position of the samples is tracked from the inputs through the graph.

`P` denotes the product of the sizes of all dimensions before the samples, in row-major order. `P`
is 1 for `(N, T, F)` and T for `(T, N, F)`. A view keeps `P`, even if it merges or splits
dimensions. Other operations keep or move whole dimensions. Operands that do not depend on the
inputs, such as weights, are ignored.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import BackwardCFunction
from torch.autograd.graph import Node

# Names of nodes, without the suffix "Backward" and its number.
VIEWS = {"View", "UnsafeView", "ReshapeAlias", "Alias", "Unsqueeze", "Squeeze"}
# Operations whose operands are aligned at their last dimension.
BROADCASTING = {"Add", "Sub", "Rsub", "Mul", "Div", "Where", "Maximum", "Minimum", "Expand", "Pow"}
BROADCASTING |= {"Addcmul", "Addcdiv", "Lerp", "Repeat", "MaskedFill"}
# Operations that append dimensions or reduce the last ones.
LEADING_KEPT = {"Unfold", "Im2Col", "Embedding", "Col2Im"}
# Operations that may reorder elements without a change of sizes.
REORDERING = {"IndexSelect", "Gather", "AsStrided", "Take", "TakeAlongDim", "Sort", "Scatter"}
REORDERING |= {"IndexPut", "IndexAdd", "IndexCopy", "ScatterAdd", "MaskedScatter", "Cdist"}
REORDERING |= {"Diagonal", "Rot90", "Topk", "Put"}
COPY_SLICES = "torch::autograd::CopySlices"
_INT64 = 1 << 64


def sample_positions(
    nodes: Sequence[Node], known: Mapping[Node, int], samples: int
) -> dict[Node, int | None]:
    """Track the samples from the inputs through the graph.

    Args:
        nodes: nodes in the order of the forward pass, as from `nodes_between`.
        known: `P` of the nodes of the inputs.
        samples: number of samples `N`, at least 2.

    Returns:
        For each node, `P` of the result of its operation; None if unknown.
    """
    positions: dict[Node, int | None] = dict(known)
    for node in nodes:
        if node in known:
            continue
        found = {
            _position(node, index, child, positions[child], samples)
            for index, (child, _) in enumerate(node.next_functions)
            if child in positions
        }
        positions[node] = found.pop() if len(found) == 1 else None
    return positions


def samples_first(tensor: Tensor, position: int, samples: int) -> Tensor:
    """Move the samples to the first dimension.

    Args:
        tensor: tensor of any shape.
        position: `P` of the tensor.
        samples: number of samples `N`.

    Returns:
        `tensor` if the samples are its first dimension, otherwise a tensor `(N, P, rest)`.
    """
    if position == 1 and tensor.shape[:1] == (samples,):
        return tensor
    return tensor.reshape(position, samples, -1).movedim(1, 0)


def restored(tensor: Tensor, position: int, shape: torch.Size) -> Tensor:
    """The inverse of `samples_first`.

    Args:
        tensor: result of `samples_first`, or a tensor `(N, P, rest)` of the same shape.
        position: `P` of the original tensor.
        shape: shape of the original tensor.
    """
    if position == 1:
        return tensor.reshape(shape)
    return tensor.movedim(0, 1).reshape(shape)


def _shape(node: Any, index: int = 0) -> tuple[int, ...]:
    """Shape of a tensor that the operation returned."""
    return tuple(node._input_metadata[index].shape)


def _position(node: Any, index: int, child: Node, position: int | None, samples: int) -> int | None:
    if position is None:
        return None
    full_name = node.name()
    name = full_name.partition("Backward")[0]
    into, out = _shape(child, node.next_functions[index][1]), _shape(node)
    if name in VIEWS or (full_name == COPY_SLICES and index == 0):
        return position
    if full_name == COPY_SLICES or name in REORDERING or _is_own(node):
        return _by_size(into, out, position, samples)
    dim = _dimension_of(into, position, samples)
    moved = None if dim is None else _moved(node, name, dim, into, out)
    if dim is None or moved is None or out[moved] != into[dim]:
        return None
    if moved > 0 and any(_shape(node, i) != out for i in range(1, len(node._input_metadata))):
        return None  # several results of different shapes, as of a split
    # The samples may share a dimension with slower indices.
    return prod(out[:moved]) * (position // prod(into[:dim]))


def _by_size(
    into: tuple[int, ...], out: tuple[int, ...], position: int, samples: int
) -> int | None:
    """The position, if exactly one dimension has the length of the batch before and after."""
    if into.count(samples) != 1 or out.count(samples) != 1:
        return None
    return (
        prod(out[: out.index(samples)]) if prod(into[: into.index(samples)]) == position else None
    )


def _is_own(node: Any) -> bool:
    """Whether a node is a custom `autograd.Function`, other than those of PyTorch's hooks."""
    return (
        isinstance(node, BackwardCFunction)
        and not node._forward_cls.__module__.startswith("torch.")  # type: ignore[attr-defined]
    )


def _dimension_of(shape: tuple[int, ...], position: int, samples: int) -> int | None:
    """The dimension that contains the samples, possibly merged with other dimensions."""
    slower = 1
    for dim, size in enumerate(shape):
        if position % slower == 0 and size % samples == 0 and slower * size >= position * samples:
            return dim if (slower * size) % (position * samples) == 0 else None
        slower *= size
    return None


def _moved(
    node: Any, name: str, dim: int, into: tuple[int, ...], out: tuple[int, ...]
) -> int | None:
    """The dimension of the result that corresponds to dimension `dim` of an operand."""
    if name in _MOVES:
        return _MOVES[name](node, dim, into, out)
    if len(out) == len(into):
        return dim
    if name in BROADCASTING:
        return dim + len(out) - len(into)
    if getattr(node, "_saved_keepdim", None) is False and len(out) < len(into):
        gone = _reduced(node._saved_dim, len(into))
        return None if dim in gone else dim - sum(other < dim for other in gone)
    return dim if dim == 0 and name in LEADING_KEPT else None


def _transposed(node: Any, dim: int, into: tuple[int, ...], _: tuple[int, ...]) -> int:
    one, other = _wrapped((node._saved_dim0, node._saved_dim1), len(into))
    return {one: other, other: one}.get(dim, dim)


def _selected(node: Any, dim: int, into: tuple[int, ...], _: tuple[int, ...]) -> int | None:
    (gone,) = _wrapped((node._saved_dim,), len(into))
    return None if gone == dim else dim - (gone < dim)


def _stacked(node: Any, dim: int, _: tuple[int, ...], out: tuple[int, ...]) -> int:
    (new,) = _wrapped((node._saved_dim,), len(out))
    return dim + (new <= dim)


def _indexed(node: Any, dim: int, into: tuple[int, ...], out: tuple[int, ...]) -> int | None:
    """Indexing with tensors; separated index tensors move their dimensions to the front."""
    used = [i for i, index in enumerate(node._saved_indices) if index is not None]
    if not used or dim in used or used != list(range(used[0], used[-1] + 1)):
        return None
    return dim if dim < used[0] else dim + len(out) - len(into)


def _wrapped(dims: Iterable[int], count: int) -> list[int]:
    """Dimensions counted from 0; nodes save negative ones as unsigned numbers."""
    return [(dim - _INT64 if dim >= _INT64 // 2 else dim) % count for dim in dims]


def _reduced(dims: int | Sequence[int] | None, count: int) -> list[int]:
    if dims is None or dims == ():
        return list(range(count))
    return _wrapped((dims,) if isinstance(dims, int) else dims, count)


_MOVES: dict[str, Callable[[Any, int, tuple[int, ...], tuple[int, ...]], int | None]] = {
    "Permute": lambda node, dim, into, _: _wrapped(node._saved_dims, len(into)).index(dim),
    "Transpose": _transposed,
    "T": lambda _, dim, into, __: len(into) - 1 - dim,
    "Select": _selected,
    "Unbind": _selected,
    "Stack": _stacked,
    "Index": _indexed,
}
