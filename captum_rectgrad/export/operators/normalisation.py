"""Batch normalisation with fixed statistics. Layer norms are decomposed."""

from typing import Any

import numpy as np
from torch.nn import functional as F

from captum_rectgrad.export.graph_writer import GraphWriter, Value
from captum_rectgrad.export.operators.registry import UnsupportedOperatorError, translates
from captum_rectgrad.export.operators.shapes import reshaped

Parameter = Value | None


@translates("native_batch_norm", "_native_batch_norm_legit", "_batch_norm_with_update")
def batch_norm(
    w: GraphWriter,
    x: Value,
    weight: Parameter,
    bias: Parameter,
    mean: Parameter,
    variance: Parameter,
    training: bool,
    momentum: float,
    eps: float,
) -> Any:
    """Batch normalisation in eval mode, or of weights."""
    del momentum
    if training and x.constant is not None:  # standardised weights
        name = w.constant(F.batch_norm(x.constant, None, None, training=True, eps=eps).numpy())
        by_channel = (1, -1, *[1] * (len(x.shape) - 2))
        for operator, parameter in (("Mul", weight), ("Add", bias)):
            if parameter is not None:
                name = str(w.add(operator, name, reshaped(w, parameter.name, by_channel)))
        return [name, None, None]
    if training or mean is None or variance is None:
        raise UnsupportedOperatorError(["batch normalisation in training mode (call model.eval())"])
    ones = [1.0] * int(np.prod([n for n in mean.shape if isinstance(n, int)]))
    scale = weight.name if weight else w.constant(ones, x.dtype)
    shift = bias.name if bias else w.constant([0.0 for _ in ones], x.dtype)
    name = w.add("BatchNormalization", x.name, scale, shift, mean.name, variance.name, epsilon=eps)
    return [name, None, None]


@translates("_native_batch_norm_legit_no_training", "_batch_norm_no_update")
def batch_norm_no_training(
    w: GraphWriter,
    x: Value,
    weight: Parameter,
    bias: Parameter,
    mean: Value,
    variance: Value,
    momentum: float,
    eps: float,
) -> Any:
    """Batch normalisation in eval mode."""
    return batch_norm(w, x, weight, bias, mean, variance, False, momentum, eps)


@translates("native_batch_norm_backward")
def batch_norm_backward(
    w: GraphWriter,
    grad: Value,
    x: Value,
    weight: Parameter,
    mean: Parameter,
    variance: Parameter,
    save_mean: object,
    save_deviation: object,
    train: bool,
    eps: float,
    output_mask: object,
) -> Any:
    """Gradient of batch normalisation in eval mode: a factor by channel."""
    del mean, save_mean, save_deviation, output_mask
    if train or variance is None or variance.constant is None:
        raise UnsupportedOperatorError(["batch normalisation in training mode (call model.eval())"])
    factor = (variance.constant + eps).rsqrt()
    if weight is not None:
        if weight.constant is None:
            raise UnsupportedOperatorError(["batch normalisation with computed weights"])
        factor = factor * weight.constant
    factor = factor.detach().reshape(1, -1, *[1] * (len(x.shape) - 2))
    return [w.add("Mul", grad.name, w.constant(factor.numpy(), grad.dtype)), None, None]
