"""Activations, convolutions and max-pools that a model calls as functions or tensor methods."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode

from captum_rectgrad.activations import FUNCTIONS
from captum_rectgrad.errors import RectGradError
from captum_rectgrad.padding import padded_dims
from captum_rectgrad.pooling import NO_WINDOWS, adaptive_mean, window_mean
from captum_rectgrad.rectified_pass import RectifiedPass
from captum_rectgrad.windows import Windows

# Where PyTorch keeps its functions; methods of tensors have no module.
HOMES = {"torch", "torch.nn.functional", "torch._C._nn", None}

CONVOLUTION = re.compile(r"conv([123])d")
POOL = re.compile(r"(adaptive_|fractional_)?max_pool([123])d(_with_indices)?")

# By position, as every one of these functions has them.
CONVOLUTION_ARGUMENTS = ("input", "weight", "bias", "stride", "padding", "dilation")
CONVOLUTION_DEFAULTS = {"stride": 1, "padding": 0, "dilation": 1}
POOL_ARGUMENTS = ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode")
POOL_DEFAULTS = {"stride": None, "padding": 0, "dilation": 1, "ceil_mode": False}

Function = Callable[..., Any]


class RectifiedFunctions(TorchFunctionMode):
    """Hands the function calls of a model to the pass, as hooks do with calls of its modules.

    A call inside the forward of a module that is hooked belongs to that module: it is left alone.
    """

    def __init__(self, rectified: RectifiedPass) -> None:
        super().__init__()
        self.rectified = rectified
        self.calls = 0

    def __torch_function__(
        self,
        func: Function,
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        del types
        kwargs = kwargs or {}
        handle = None if self.rectified.inside_module else self._handler(func)
        x = args[0] if args else kwargs.get("input")
        if handle is None or not isinstance(x, Tensor) or not x.requires_grad:
            return func(*args, **kwargs)
        return handle(func, x, args, kwargs)

    def _handler(self, func: Function) -> Function | None:
        if getattr(func, "__module__", None) not in HOMES:
            return None
        name = _name(func)
        if name in FUNCTIONS:
            wanted = self.rectified.choice.includes_class(FUNCTIONS[name])
            return self._activation if wanted else None
        if name in {"clamp", "clamp_min"}:
            return self._clamp
        if self.rectified.padding_trick and CONVOLUTION.fullmatch(name):
            return self._convolution
        pool = POOL.fullmatch(name) if self.rectified.prr else None
        return partial(self._pool, pool[1], int(pool[2])) if pool else None

    def _activation(
        self, func: Function, z: Tensor, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Tensor:
        if _name(func) == "relu":
            return self._relu(func, z, args, kwargs)
        a: Tensor = func(*args, **kwargs)
        return self.rectified.activation_applied(self._label(func), a, in_place=a is z)

    def _relu(
        self, func: Function, z: Tensor, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Tensor:
        rest = args[1:]
        kwargs = {key: value for key, value in kwargs.items() if key != "input"}
        return self.rectified.relu(self._label(func), z, lambda alias: func(alias, *rest, **kwargs))

    def _clamp(
        self, func: Function, z: Tensor, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Tensor:
        """A clamp at zero from below is a ReLU, or a ReLU6 with another ceiling.

        Any other is no activation: it keeps numbers within bounds.
        """
        name = _name(func)
        limits = ("min",) if name == "clamp_min" else ("min", "max")
        bound = {**dict(zip(limits, args[1:], strict=False)), **kwargs}
        low, high = bound.get("min"), bound.get("max")
        choice = self.rectified.choice
        if isinstance(low, int | float) and low == 0:
            if high is None and choice.includes_class(FUNCTIONS["relu"]):
                return self._relu(func, z, args, kwargs)
            if high is not None and choice.includes_class(FUNCTIONS["hardtanh"]):
                return self._activation(func, z, args, kwargs)
        clamped: Tensor = func(*args, **kwargs)
        return clamped

    def _convolution(
        self, func: Function, x: Tensor, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Tensor:
        y: Tensor = func(*args, **kwargs)
        bound = {
            **CONVOLUTION_DEFAULTS,
            **dict(zip(CONVOLUTION_ARGUMENTS, args, strict=False)),
            **kwargs,
        }
        kernel = bound["weight"].shape[2:]
        windows = Windows.of(
            len(kernel), kernel, bound["stride"], bound["padding"], bound["dilation"]
        )
        self.rectified.convolution_applied(y, padded_dims(windows, x.shape, y.shape))
        return y

    def _pool(
        self,
        kind: str,
        dims: int,
        func: Function,
        x: Tensor,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        output = func(*args, **kwargs)
        pooled, *indices = output if isinstance(output, tuple) else (output,)
        if kind == "fractional_":
            raise RectGradError(NO_WINDOWS)
        if kind == "adaptive_":
            mean = adaptive_mean(pooled.shape, dims)
        else:
            bound = {**POOL_DEFAULTS, **dict(zip(POOL_ARGUMENTS, args, strict=False)), **kwargs}
            windows = Windows.of(dims, *(bound[key] for key in POOL_ARGUMENTS[1:]))
            mean = window_mean(windows, x.shape, pooled.shape)
        pooled = self.rectified.pool_applied(x, pooled, mean)
        return (pooled, *indices) if indices else pooled

    def _label(self, func: Function) -> str:
        self.calls += 1
        return f"{_name(func)}, called as a function, the {self.calls}."


def _name(func: Function) -> str:
    """`relu` for `relu_` and `Tensor.relu`, `threshold` for `_threshold`."""
    return str(getattr(func, "__name__", "")).strip("_")
