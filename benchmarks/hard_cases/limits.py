"""Cases that RectGrad is known to get wrong: a fix turns their test red, and moves them away."""

from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.hard_cases.modes import time_first
from benchmarks.hard_cases.nets import SIZE, Net, Operation, chain, plain
from benchmarks.hard_cases.outcome import Case, twins


def _between_modules(name: str, operation: Operation) -> Case:
    """A ReLU that nothing sees, between two that are seen: so no warning that none was met."""
    return twins(
        name, lambda: Net(chain, [nn.ReLU(), operation, nn.ReLU()]), plain, expected="wrong"
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
    # Made at the call, since PyTorch warns of it: the harness hides that, an import would not.
    return torch.jit.script(_in_torchscript)(z)


LIMITS = (
    _between_modules("one of three as `x * (x > 0)`", lambda z: z * (z > 0)),
    _between_modules("one of three an `autograd.Function`", _own_function),
    _between_modules("one of three a function in TorchScript", _scripted),
    _between_modules("one of three `torch.ops.aten.relu`", torch.ops.aten.relu.default),
    time_first(SIZE, expected="wrong"),
)
