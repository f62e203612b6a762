"""Activations that are no single arithmetic operation. Their derivatives are decomposed."""

import math
from typing import Any

from captum_rectgrad.export.graph_writer import GraphWriter, Value
from captum_rectgrad.export.operators.registry import translates


@translates("leaky_relu")
def leaky_relu(w: GraphWriter, x: Value, negative_slope: float = 0.01) -> Any:
    """Leaky ReLU."""
    return w.add("LeakyRelu", x.name, alpha=float(negative_slope))


@translates("_prelu_kernel")
def prelu(w: GraphWriter, x: Value, weight: Value) -> Any:
    """PReLU; the weight has as many dimensions as the input."""
    return w.add("PRelu", x.name, weight.name)


@translates("_prelu_kernel_backward")
def prelu_backward(w: GraphWriter, grad: Value, x: Value, weight: Value) -> Any:
    """Gradient of PReLU for its input."""
    positive = w.add("Greater", x.name, w.constant(0, x.dtype))
    return [w.add("Where", positive, grad.name, w.add("Mul", grad.name, weight.name)), None]


@translates("gelu")
def gelu(w: GraphWriter, x: Value, approximate: str = "none") -> Any:
    """GELU, exact or by tanh."""

    def number(value: float) -> str:
        return w.constant(value, x.dtype)

    if approximate == "tanh":
        cube = w.add("Mul", w.add("Mul", x.name, x.name), x.name)
        inner = w.add("Add", x.name, w.add("Mul", cube, number(0.044715)))
        curve = w.add("Tanh", w.add("Mul", inner, number(math.sqrt(2 / math.pi))))
    else:
        curve = w.add("Erf", w.add("Mul", x.name, number(math.sqrt(0.5))))
    half = w.add("Mul", x.name, number(0.5))
    return w.add("Mul", half, w.add("Add", curve, number(1)))


@translates("softplus")
def softplus(w: GraphWriter, x: Value, beta: float = 1, threshold: float = 20) -> Any:
    """Softplus, linear above the threshold."""
    scaled = w.add("Mul", x.name, w.constant(beta, x.dtype))
    curve = w.add("Div", w.add("Softplus", scaled), w.constant(beta, x.dtype))
    is_linear = w.add("Greater", scaled, w.constant(threshold, x.dtype))
    return w.add("Where", is_linear, x.name, curve)


@translates("silu")
def silu(w: GraphWriter, x: Value) -> Any:
    """SiLU."""
    return w.add("Mul", x.name, w.add("Sigmoid", x.name))


@translates("mish")
def mish(w: GraphWriter, x: Value) -> Any:
    """Mish."""
    return w.add("Mul", x.name, w.add("Tanh", softplus(w, x)))


@translates("hardsigmoid")
def hardsigmoid(w: GraphWriter, x: Value) -> Any:
    """Hard sigmoid, `min(max(x + 3, 0), 6) / 6`."""
    shifted = w.add("Add", x.name, w.constant(3, x.dtype))
    limited = w.add("Max", shifted, w.constant(0, x.dtype))
    limited = w.add("Min", limited, w.constant(6, x.dtype))
    return w.add("Div", limited, w.constant(6, x.dtype))


@translates("hardswish")
def hardswish(w: GraphWriter, x: Value) -> Any:
    """Hard swish."""
    return w.add("Mul", x.name, hardsigmoid(w, x))


@translates("elu")
def elu(
    w: GraphWriter, x: Value, alpha: float = 1, scale: float = 1, input_scale: float = 1
) -> Any:
    """ELU and SELU."""

    def times(name: str, factor: float) -> str:
        return name if factor == 1 else str(w.add("Mul", name, w.constant(factor, x.dtype)))

    exponential = w.add("Exp", times(x.name, input_scale))
    curve = times(w.add("Sub", exponential, w.constant(1, x.dtype)), alpha * scale)
    positive = w.add("Greater", x.name, w.constant(0, x.dtype))
    return w.add("Where", positive, times(x.name, scale), curve)


@translates("celu")
def celu(w: GraphWriter, x: Value, alpha: float = 1) -> Any:
    """CELU."""
    return elu(w, x, alpha, 1, 1 / alpha)


@translates("selu")
def selu(w: GraphWriter, x: Value) -> Any:
    """SELU."""
    return elu(w, x, 1.6732632423543772, 1.0507009873554805)
