"""RectGrad once more, written plainly for any PyTorch model: one sample, sorted scores, no hooks.

The rules are written anew from the paper and nothing of `captum_rectgrad` is imported, so that the
two can disagree. The forwards of a copy of the model's modules are replaced; what it calls as a
function is caught on the way.
"""

import copy
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from benchmarks.timm_support.naive_border import ZeroBorder, padded_by_function, padded_dimensions

Function = Callable[..., Tensor]

TORCH_ACTIVATIONS = (
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.CELU, nn.SELU, nn.GELU, nn.SiLU, nn.Mish,
    nn.Softplus, nn.Hardswish, nn.Hardsigmoid, nn.Hardtanh, nn.Sigmoid, nn.Tanh,
)  # fmt: skip
TIMM_ACTIVATIONS = {
    "Swish", "SwishMe", "Mish", "MishMe", "Sigmoid", "Tanh", "HardSwish", "HardSwishMe",
    "HardSigmoid", "HardSigmoidMe", "HardMish", "HardMishMe", "PReLU", "GELU", "GELUTanh",
    "QuickGELU",
}  # fmt: skip
# By the name of the function, that of the class of module which does the same.
ACTIVATION_FUNCTIONS = {
    "relu": "ReLU", "relu6": "ReLU6", "leaky_relu": "LeakyReLU", "prelu": "PReLU", "elu": "ELU",
    "celu": "CELU", "selu": "SELU", "gelu": "GELU", "silu": "SiLU", "mish": "Mish",
    "softplus": "Softplus", "hardswish": "Hardswish", "hardsigmoid": "Hardsigmoid",
    "hardtanh": "Hardtanh", "sigmoid": "Sigmoid", "tanh": "Tanh",
}  # fmt: skip
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


@dataclass
class Record:
    """One attribution.

    Attributes:
        percentile: the threshold of each activation call, by nearest rank.
        met: how many calls of each activation the backward pass went through.
        busy: whether a replaced forward is running: what it calls is part of it.
    """

    percentile: float
    met: Counter[str] = field(default_factory=Counter)
    busy: bool = False

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Leave the calls made in here alone."""
        before, self.busy = self.busy, True
        try:
            yield
        finally:
            self.busy = before


class Rectified(torch.autograd.Function):
    """An activation whose backward is the paper's rule (listing 1)."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, function: Function, name: str, record: Record) -> Tensor:  # noqa: D102
        ctx.z, ctx.function, ctx.name, ctx.record = z.detach().clone(), function, name, record
        ctx.a = function(ctx.z.clone()).detach()
        return _tensor(ctx.a.clone())

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:  # noqa: D102
        ctx.record.met[ctx.name] += 1
        scores = (ctx.a * gradient).numpy()
        tau = np.percentile(scores, ctx.record.percentile, method="nearest")
        passed = torch.from_numpy(np.where(scores > tau, gradient.numpy(), 0.0))
        if ctx.name.lower() == "relu":
            return passed, None, None, None
        with torch.enable_grad(), ctx.record.alone():
            z = ctx.z.requires_grad_()
            # On a copy: the function may work in place.
            (passed,) = torch.autograd.grad(ctx.function(z.clone()), z, passed)
        return passed, None, None, None


def _activation(record: Record, name: str, function: Function, z: Tensor) -> Tensor:
    with record.alone():
        probe = z.detach().clone()
        in_place = function(probe).data_ptr() == probe.data_ptr()
        a = _tensor(Rectified.apply(z, function, name, record))
        return z.copy_(a) if in_place else a


def _module(record: Record, name: str, forward: Function, z: Tensor) -> Tensor:
    return forward(z) if record.busy else _activation(record, name, forward, z)


def _convolution(record: Record, conv: Any, forward: Function, x: Tensor) -> Tensor:
    with record.alone():
        y = forward(x)
    return _tensor(ZeroBorder.apply(y, padded_dimensions(conv, x.shape)))


def _tensor(applied: Any) -> Tensor:
    """What a function of autograd returned: PyTorch does not say its type."""
    tensor: Tensor = applied
    return tensor


class Contiguous(torch.autograd.Function):
    """The identity; its backward hands a gradient on in the usual order of memory.

    PyTorch 2.15's batch norm, in eval mode, reads the gradient of a single sample in the wrong
    order where that is laid out channels last but for its first stride, and its input is not.
    """

    @staticmethod
    def forward(ctx: Any, y: Tensor) -> Tensor:  # noqa: ARG004, D102
        return y.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # noqa: ARG004, D102
        return gradient.contiguous()


class _Functions(TorchFunctionMode):
    def __init__(self, record: Record) -> None:
        super().__init__()
        self.record = record

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        del types
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "").strip("_")
        if self.record.busy:
            return func(*args, **kwargs)
        if name in ACTIVATION_FUNCTIONS:
            kind = ACTIVATION_FUNCTIONS[name]
            return _activation(self.record, kind, lambda z: func(z, *args[1:], **kwargs), args[0])
        y = func(*args, **kwargs)
        if name == "batch_norm":
            return Contiguous.apply(y)
        if name in {"conv1d", "conv2d", "conv3d"}:
            return ZeroBorder.apply(y, padded_by_function(y.dim() - 2, args, kwargs))
        return y


def _is_activation(module: nn.Module) -> bool:
    kind = type(module)
    if kind.__module__.startswith("timm.layers.activations"):
        return kind.__name__ in TIMM_ACTIVATIONS
    return kind in TORCH_ACTIVATIONS


def attribute(
    model: nn.Module, x: Tensor, target: tuple[int, ...], percentile: float
) -> tuple[Tensor, Counter[str]]:
    """The map of one sample, with PR1, the padding trick and no final threshold.

    Args:
        model: any; it is copied.
        x: `(1, ...)`, float64.
        target: which output.
        percentile: in [0, 100].

    Returns:
        The map `(1, ...)`, and how many calls of each activation were rectified.
    """
    model, record = copy.deepcopy(model), Record(percentile)
    for module in list(model.modules()):
        if _is_activation(module):
            name = type(module).__name__
            vars(module)["forward"] = partial(_module, record, name, module.forward)
        elif isinstance(module, CONVOLUTIONS):
            vars(module)["forward"] = partial(_convolution, record, module, module.forward)
    x = x.detach().clone().requires_grad_()
    with _Functions(record):
        output = model(x.clone())
    (gradient,) = torch.autograd.grad(output[0][target], x)
    return x.detach() * gradient, record.met
