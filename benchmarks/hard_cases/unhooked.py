"""Activations where no hook of a module reaches, between two that are hooked."""

import warnings
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.hard_cases.nets import Net, Operation, chain, plain
from benchmarks.hard_cases.outcome import Case, twins


def _between_modules(name: str, operation: Operation, expected: str = "right") -> Case:
    """Between two that are seen, so that "none was met" cannot be the warning."""
    return twins(
        name, lambda: Net(chain, [nn.ReLU(), operation, nn.ReLU()]), plain, expected=expected
    )


class _OwnFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor) -> Tensor:
        ctx.save_for_backward(z)
        return z.clamp(min=0)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (z,) = ctx.saved_tensors
        return gradient * (z > 0)


def _own_function(z: Tensor) -> Tensor:
    return _OwnFunction.apply(z)


def _in_torchscript(z: Tensor) -> Tensor:
    return torch.relu(z)


def _scripted(z: Tensor) -> Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's own, of what it deprecates
        return torch.jit.script(_in_torchscript)(z)


UNHOOKED = (
    _between_modules(
        "`torch.maximum(x, 0)`", lambda z: torch.maximum(z, torch.zeros_like(z)), expected="warns"
    ),
    _between_modules(
        "`torch.where(x > 0, x, 0)`", lambda z: torch.where(z > 0, z, 0.0), expected="warns"
    ),
    _between_modules("`x * (x > 0)`", lambda z: z * (z > 0), expected="warns"),
    _between_modules("`torch.ops.aten.relu`", torch.ops.aten.relu.default),
    _between_modules("an `autograd.Function`", _own_function, expected="warns"),
    _between_modules("a function in TorchScript", _scripted),
)
