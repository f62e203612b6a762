"""Nodes of the autograd graph whose backward is a rule instead of the derivative.

Each stands for one call of one module. Their forward changes nothing: it hands on what the module
computed, without a copy unless one is asked for.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch._C import DisableTorchFunction
from torch.autograd.function import once_differentiable

from captum_rectgrad.pooling import WindowMean, redistribute

# From the activation and the gradient arriving at it to the gradient that passes.
GradientRule = Callable[[Tensor, Tensor], Tensor]


# While gradients flow back the function mode of the pass is on, as checkpoints run parts of the
# model again there; it need not look at every operation of the rules.
not_the_models = DisableTorchFunction


class OverwrittenError(RuntimeError):
    """A tensor that the backward pass needs was changed in place after it was computed."""


class Rectify(torch.autograd.Function):
    """From the pre-activation to the activation of a ReLU, with a rule as its backward.

    Applied as `Rectify.apply(z, a, rule, copy)`: `z` is where the gradient goes, `a` the
    activation, computed outside the graph; with `copy`, what is handed on may be changed in
    place without `a` changing.
    """

    @staticmethod
    def forward(ctx: Any, z: Tensor, a: Tensor, rule: GradientRule, copy: bool) -> Tensor:  # noqa: ARG004
        ctx.rule = rule
        ctx.save_for_backward(a)
        return a.clone() if copy else a.detach()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        activation = _saved(ctx)
        with not_the_models():
            return ctx.rule(activation, gradient), None, None, None


class RectifyInPlace(torch.autograd.Function):
    """The same where the ReLU has already written its output over `z`.

    Applied as `RectifyInPlace.apply(z, rule, copy)`; returns the very tensor it was given, so that
    whoever holds it sees the rectified gradient, whether or not they use the module's return value.
    """

    @staticmethod
    def forward(ctx: Any, z: Tensor, rule: GradientRule, copy: bool) -> Tensor:
        ctx.rule = rule
        ctx.mark_dirty(z)
        ctx.save_for_backward(z.clone() if copy else z)
        return z

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        activation = _saved(ctx)
        with not_the_models():
            return ctx.rule(activation, gradient), None, None


class Redistribute(torch.autograd.Function):
    """From the input to the output of a max-pooling, with PRR as its backward.

    Applied as `Redistribute.apply(x, y, mean, copy)`, `y` computed outside the graph.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, mean: WindowMean, copy: bool) -> Tensor:
        ctx.mean = mean
        ctx.save_for_backward(x.clone() if copy else x)
        return y.detach()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        x = _saved(ctx)
        with not_the_models():
            return redistribute(x, gradient, ctx.mean), None, None, None


def _saved(ctx: Any) -> Tensor:
    # A checkpoint computes it here, and so runs a part of the model.
    try:
        tensor: Tensor = ctx.saved_tensors[0]
    except RuntimeError as error:
        if "modified by an inplace operation" not in str(error):
            raise
        raise OverwrittenError(str(error)) from error
    return tensor
