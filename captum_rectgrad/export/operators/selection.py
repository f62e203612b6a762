"""The nearest rank, and access by index."""

from collections.abc import Sequence
from typing import Any

import torch

from captum_rectgrad.export.graph_writer import GraphWriter, Value
from captum_rectgrad.export.operators.registry import UnsupportedOperatorError, translates
from captum_rectgrad.export.sizes import Size


@translates("percentile_per_sample")
def percentile_per_sample(w: GraphWriter, scores: Value, percentile: Value) -> Any:
    """The nearest rank: the smallest of the `count - rank` largest scores.

    The index is computed in float64 and rounded to even, as in `nearest_rank`.
    """
    share = w.add("Div", percentile.name, w.constant(100, torch.float64))
    count = scores.shape[1]
    if isinstance(count, Size):
        last = w.add("Sub", w.ints([count]), w.ints([1]))
        last_double = w.add("Cast", last, to=11)
        total = w.ints([count])
    else:
        last_double = w.constant([count - 1], torch.float64)
        total = w.ints([count])
    position = w.add("Round", w.add("Mul", last_double, share))
    position = w.add("Max", position, w.constant([0], torch.float64))
    position = w.add("Min", position, last_double)
    number = w.add("Sub", total, w.add("Cast", position, to=7))
    largest, _ = w.add("TopK", scores.name, number, outputs=2, axis=1, largest=1, sorted=0)
    return w.add("ReduceMin", largest, w.ints([1]), keepdims=1)


@translates("gather")
def gather(w: GraphWriter, x: Value, dim: int, index: Value, **_: object) -> Any:
    """Elements by index."""
    return w.add("GatherElements", x.name, index.name, axis=dim)


@translates("scatter_add")
def scatter_add(w: GraphWriter, x: Value, dim: int, index: Value, source: Value) -> Any:
    """Addition to elements by index."""
    return w.add("ScatterElements", x.name, index.name, source.name, axis=dim, reduction="add")


@translates("index_select")
def index_select(w: GraphWriter, x: Value, dim: int, index: Value) -> Any:
    """Slices by index."""
    return w.add("Gather", x.name, index.name, axis=dim)


@translates("embedding")
def embedding(w: GraphWriter, weight: Value, index: Value, *_: object) -> Any:
    """Rows of a table."""
    return w.add("Gather", weight.name, index.name, axis=0)


@translates("index")
def index(w: GraphWriter, x: Value, indices: Sequence[Value | None]) -> Any:
    """Indexing with one tensor."""
    used = [(axis, value) for axis, value in enumerate(indices) if value is not None]
    if len(used) != 1 or used[0][1].dtype is torch.bool:
        raise UnsupportedOperatorError(["index with several tensors or a mask"])
    axis, value = used[0]
    return w.add("Gather", x.name, value.name, axis=axis)
