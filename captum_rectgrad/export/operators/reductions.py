"""Sums, means, variances, softmax and products of matrices."""

import math
from collections.abc import Sequence
from math import prod
from typing import Any

from captum_rectgrad.export.graph_writer import GraphWriter, Value
from captum_rectgrad.export.operators.registry import UnsupportedOperatorError, translates
from captum_rectgrad.export.sizes import Size

Axes = Sequence[int] | int | None


def _axes(x: Value, dims: Axes) -> list[int]:
    if dims is None or dims == []:
        return list(range(len(x.shape)))
    return [dims] if isinstance(dims, int) else list(dims)


def reduced(
    w: GraphWriter, operator: str, x: Value, dims: Axes, *, keepdim: bool, name: str = ""
) -> str:
    """Reduction over dimensions."""
    axes = w.ints(_axes(x, dims))
    return str(w.add(operator, name or w.cast(x, w.result[0][1]), axes, keepdims=int(keepdim)))


@translates("sum")
def total(w: GraphWriter, x: Value, dim: Axes = None, keepdim: bool = False, **_: object) -> Any:
    """Sum."""
    return reduced(w, "ReduceSum", x, dim, keepdim=keepdim)


@translates("mean")
def mean(w: GraphWriter, x: Value, dim: Axes = None, keepdim: bool = False, **_: object) -> Any:
    """Mean."""
    return reduced(w, "ReduceMean", x, dim, keepdim=keepdim)


@translates("amax")
def largest(w: GraphWriter, x: Value, dim: Axes = None, keepdim: bool = False) -> Any:
    """Maximum."""
    return reduced(w, "ReduceMax", x, dim, keepdim=keepdim)


@translates("amin")
def smallest(w: GraphWriter, x: Value, dim: Axes = None, keepdim: bool = False) -> Any:
    """Minimum."""
    return reduced(w, "ReduceMin", x, dim, keepdim=keepdim)


@translates("linalg_vector_norm")
def norm(
    w: GraphWriter, x: Value, order: float = 2, dim: Axes = None, keepdim: bool = False, **_: object
) -> Any:
    """Euclidean norm."""
    if order != 2:  # noqa: PLR2004
        raise UnsupportedOperatorError([f"linalg_vector_norm of order {order}"])
    return reduced(w, "ReduceL2", x, dim, keepdim=keepdim)


@translates("var_mean")
def variance_and_mean(
    w: GraphWriter, x: Value, dim: Axes = None, correction: float = 1, keepdim: bool = False
) -> Any:
    """Variance and mean."""
    numbers = [x.shape[axis] for axis in _axes(x, dim)]
    if any(isinstance(number, Size) for number in numbers):
        raise UnsupportedOperatorError(
            ["var_mean along a dimension of changing size"], is_of_size=True
        )
    count = prod(n for n in numbers if isinstance(n, int))
    centre = reduced(w, "ReduceMean", x, dim, keepdim=True)
    gap = w.add("Sub", x.name, centre)
    spread = reduced(w, "ReduceMean", x, dim, keepdim=keepdim, name=str(w.add("Mul", gap, gap)))
    if correction:
        factor = w.constant(count / (count - correction), x.dtype)
        spread = str(w.add("Mul", spread, factor))
    return [spread, centre if keepdim else reduced(w, "ReduceMean", x, dim, keepdim=False)]


@translates("argmax")
def argmax(w: GraphWriter, x: Value, dim: int, keepdim: bool = False) -> Any:
    """Index of the maximum."""
    return w.add("ArgMax", x.name, axis=dim, keepdims=int(keepdim))


@translates("_softmax")
def softmax(w: GraphWriter, x: Value, dim: int, half_to_float: bool = False) -> Any:
    """Softmax."""
    del half_to_float
    return w.add("Softmax", x.name, axis=dim)


@translates("_safe_softmax")
def safe_softmax(w: GraphWriter, x: Value, dim: int, dtype: object = None) -> Any:
    """Softmax of attention: rows of -inf, which a mask excludes, give zeros."""
    del dtype
    largest = w.add("ReduceMax", x.name, w.ints([dim]), keepdims=1)
    excluded = w.add("Equal", largest, w.constant(-math.inf, x.dtype))
    return w.add("Where", excluded, w.constant(0, x.dtype), softmax(w, x, dim))


@translates("_log_softmax")
def log_softmax(w: GraphWriter, x: Value, dim: int, half_to_float: bool = False) -> Any:
    """Logarithm of the softmax."""
    del half_to_float
    return w.add("LogSoftmax", x.name, axis=dim)


@translates("mm", "bmm", "matmul", "mv")
def product(w: GraphWriter, x: Value, y: Value) -> Any:
    """Product of matrices."""
    return w.add("MatMul", x.name, y.name)


@translates("addmm", "baddbmm")
def product_and_sum(
    w: GraphWriter, x: Value, one: Value, other: Value, beta: float = 1, alpha: float = 1
) -> Any:
    """Product of matrices, plus a tensor."""
    if (beta, alpha) != (1, 1):
        raise UnsupportedOperatorError(["addmm with factors"])
    return w.add("Add", w.add("MatMul", one.name, other.name), x.name)
