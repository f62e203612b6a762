"""Arithmetic, comparisons, casts and activations."""

from functools import partial
from typing import Any

import torch

from captum_rectgrad.export.graph_writer import GraphWriter, Value
from captum_rectgrad.export.operators.registry import (
    TRANSLATIONS,
    UnsupportedOperatorError,
    translates,
)
from captum_rectgrad.export.sizes import Size

Operand = Value | Size | float

_UNARY = {
    "abs": "Abs",
    "ceil": "Ceil",
    "cos": "Cos",
    "erf": "Erf",
    "exp": "Exp",
    "floor": "Floor",
    "log": "Log",
    "logical_not": "Not",
    "neg": "Neg",
    "reciprocal": "Reciprocal",
    "relu": "Relu",
    "round": "Round",
    "sigmoid": "Sigmoid",
    "sgn": "Sign",
    "sign": "Sign",
    "sin": "Sin",
    "sqrt": "Sqrt",
    "tanh": "Tanh",
}
_BINARY = {
    "bitwise_and": "And",
    "bitwise_or": "Or",
    "eq": "Equal",
    "ge": "GreaterOrEqual",
    "gt": "Greater",
    "le": "LessOrEqual",
    "logical_and": "And",
    "logical_or": "Or",
    "lt": "Less",
    "maximum": "Max",
    "minimum": "Min",
    "mul": "Mul",
}


def _unary(operator: str, w: GraphWriter, x: Value) -> Any:
    return w.add(operator, x.name)


def _binary(operator: str, w: GraphWriter, x: Operand, y: Operand) -> Any:
    if operator in {"And", "Or"} and _common_type(x, y) is not torch.bool:
        raise UnsupportedOperatorError([f"bitwise {operator} of integers"])
    return w.add(operator, *operands(w, x, y))


TRANSLATIONS.update({name: partial(_unary, onnx) for name, onnx in _UNARY.items()})
TRANSLATIONS.update({name: partial(_binary, onnx) for name, onnx in _BINARY.items()})


def _common_type(x: Operand, y: Operand) -> torch.dtype:
    one, other = (_sample(v) for v in (x, y))
    return torch.result_type(one, other)


def _sample(value: Operand) -> Any:
    """A tensor or a number of the type of an operand."""
    if isinstance(value, Value):
        return torch.empty((1,) * len(value.shape), dtype=value.dtype)
    return 1 if isinstance(value, Size) else value


def operands(w: GraphWriter, x: Operand, y: Operand) -> tuple[str, str]:
    """The names of two operands of a common type, as PyTorch promotes them."""
    dtype = _common_type(x, y)
    return w.number(x, dtype), w.number(y, dtype)


@translates("add")
def add(w: GraphWriter, x: Operand, y: Operand, alpha: float = 1) -> Any:
    """Sum `x + alpha * y`."""
    return w.add("Add", *_scaled(w, x, y, alpha))


@translates("sub")
def subtract(w: GraphWriter, x: Operand, y: Operand, alpha: float = 1) -> Any:
    """Difference `x - alpha * y`."""
    return w.add("Sub", *_scaled(w, x, y, alpha))


@translates("rsub")
def subtract_from(w: GraphWriter, x: Operand, y: Operand, alpha: float = 1) -> Any:
    """Difference `y - alpha * x`."""
    return w.add("Sub", *_scaled(w, y, x, alpha))


def _scaled(w: GraphWriter, x: Operand, y: Operand, alpha: float) -> tuple[str, str]:
    one, other = operands(w, x, y)
    if alpha == 1:
        return one, other
    return one, str(w.add("Mul", other, w.constant(alpha, _common_type(x, y))))


@translates("div")
def divide(w: GraphWriter, x: Operand, y: Operand, rounding_mode: str | None = None) -> Any:
    """True division."""
    if rounding_mode is not None:
        raise UnsupportedOperatorError([f"div with rounding_mode={rounding_mode!r}"])
    dtype = w.result[0][1]
    return w.add("Div", w.number(x, dtype), w.number(y, dtype))


@translates("rsqrt")
def reciprocal_root(w: GraphWriter, x: Value) -> Any:
    """Reciprocal of the square root."""
    return w.add("Reciprocal", w.add("Sqrt", x.name))


@translates("log1p")
def log_of_one_plus(w: GraphWriter, x: Value) -> Any:
    """Logarithm of `1 + x`, for activations, whose argument is not near zero."""
    return w.add("Log", w.add("Add", x.name, w.constant(1, x.dtype)))


@translates("expm1")
def exponential_minus_one(w: GraphWriter, x: Value) -> Any:
    """Exponential minus 1, exact to rounding of 1."""
    return w.add("Sub", w.add("Exp", x.name), w.constant(1, x.dtype))


@translates("square")
def square(w: GraphWriter, x: Value) -> Any:
    """Square."""
    return w.add("Mul", x.name, x.name)


@translates("pow")
def power(w: GraphWriter, x: Operand, exponent: Operand) -> Any:
    """Power."""
    if isinstance(x, Value) and exponent == 2:  # noqa: PLR2004
        return square(w, x)
    return w.add("Pow", *operands(w, x, exponent))


@translates("clamp", "clamp_min", "hardtanh")
def clamp(
    w: GraphWriter, x: Value, low: float | None = None, high: float | None = None, **named: Any
) -> Any:
    """Limit to a range."""
    low, high = named.get("min", low), named.get("max", high)
    name = x.name
    if low is not None:
        name = w.add("Max", name, w.constant(low, x.dtype))
    return name if high is None else w.add("Min", name, w.constant(high, x.dtype))


@translates("clamp_max")
def clamp_from_above(w: GraphWriter, x: Value, high: float) -> Any:
    """Limit from above."""
    return clamp(w, x, None, high)


@translates("where")
def where(w: GraphWriter, condition: Value, x: Operand, y: Operand) -> Any:
    """Choice by a mask."""
    return w.add("Where", condition.name, *operands(w, x, y))


@translates("masked_fill")
def masked_fill(w: GraphWriter, x: Value, mask: Value, value: Operand) -> Any:
    """Replacement of the elements under a mask."""
    return w.add("Where", mask.name, w.number(value, x.dtype), x.name)


@translates("bitwise_not")
def invert(w: GraphWriter, x: Value) -> Any:
    """Negation of a mask."""
    if x.dtype is not torch.bool:
        raise UnsupportedOperatorError(["bitwise_not of integers"])
    return w.add("Not", x.name)


@translates("_to_copy", "convert_element_type")
def convert(w: GraphWriter, x: Value, *_: object, **__: object) -> Any:
    """Conversion to another type."""
    return w.cast(x, w.result[0][1])


@translates("alias", "clone", "contiguous", "detach", "lift_fresh_copy", "lift_fresh", "dropout")
def same(w: GraphWriter, x: Value, *_: object, **__: object) -> Any:
    """The tensor itself."""
    del w
    return x
