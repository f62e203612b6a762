"""Activations, convolutions and max-pools that a model calls as functions or tensor methods."""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from captum_rectgrad.activations import FUNCTIONS
from captum_rectgrad.errors import RectGradError
from captum_rectgrad.escapes import made_before
from captum_rectgrad.pooling import NO_WINDOWS, WindowMean, adaptive_mean, window_mean
from captum_rectgrad.rectified_pass import RectifiedPass, Running
from captum_rectgrad.sample_order import may_move_samples
from captum_rectgrad.spellings import SPELLINGS, note_origin, relu_operand
from captum_rectgrad.windows import Windows

# Where PyTorch keeps its functions; methods of tensors have no module.
HOMES = {
    "torch",
    "torch.nn.functional",
    "torch._C._nn",
    "torch._C._special",
    "torch._ops.aten",
    None,
}

CONVOLUTION = re.compile(r"conv([123])d")
POOL = re.compile(r"(adaptive_|fractional_)?max_pool([123])d(_with_indices)?")

# By position, as every one of these functions has them.
CONVOLUTION_ARGUMENTS = ("input", "weight", "bias", "stride", "padding", "dilation")
CONVOLUTION_DEFAULTS = {"stride": 1, "padding": 0, "dilation": 1}
POOL_ARGUMENTS = ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode")
POOL_DEFAULTS = {"stride": None, "padding": 0, "dilation": 1, "ceil_mode": False}

NORMALISATIONS = {F.batch_norm, F.instance_norm}

CLAMPS = {"clamp", "clamp_min"}
RELU6_CEILING = 6
OTHER_NAMES = {"clip": "clamp", "expit": "sigmoid", "imul": "mul"}

Function = Callable[..., Any]


class RectifiedFunctions(TorchFunctionMode):
    """Hands the function calls of a model to the pass, as hooks do with calls of its modules.

    A call inside the forward of an activation module belongs to that module and is left alone, and
    so is a convolution or a pooling inside the module of one.
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
        x = args[0] if args else kwargs.get("input")
        handle = self._handler(func, args, kwargs)
        if handle is None and self._spelled_out(func, args, kwargs):
            x = relu_operand(_name(func), args, kwargs)
            handle = partial(self._activation, True)
        if handle is not None and isinstance(x, Tensor) and x.requires_grad:
            return handle(func, x, args, kwargs)
        if func in NORMALISATIONS:
            args, kwargs = _with_statistics_of_its_own(args, kwargs)
        output = func(*args, **kwargs)
        if not self.rectified.idle:
            note_origin(_name(func), args, output)
            self.rectified.reordered |= may_move_samples(_name(func), args, kwargs, output)
        if func is F.batch_norm:
            self.rectified.normalised(output)
        return output

    def _spelled_out(self, func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        state, name = self.rectified, _name(func)
        return (
            name in SPELLINGS
            and getattr(func, "__module__", None) in HOMES
            and not (state.idle or state.inside_activation)
            and state.settings.choice.includes_class(nn.ReLU)
            and relu_operand(name, args, kwargs) is not None
        )

    def _handler(
        self, func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Function | None:
        state, name = self.rectified, _name(func)
        if getattr(func, "__module__", None) not in HOMES or state.idle or state.inside_activation:
            return None
        activation = _clamps_like(name, args, kwargs) if name in CLAMPS else FUNCTIONS.get(name)
        if activation is not None:
            wanted = state.settings.choice.includes_class(activation)
            return partial(self._activation, activation is nn.ReLU) if wanted else None
        if state.inside_module:
            return None
        if state.settings.padding_trick and CONVOLUTION.fullmatch(name):
            return self._convolution
        pool = POOL.fullmatch(name) if state.settings.prr else None
        return partial(self._pool, pool[1], int(pool[2])) if pool else None

    def _activation(
        self,
        relu: bool,
        func: Function,
        z: Tensor,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Tensor:
        call = Running(z, made_before(z))
        in_place = bool(
            _written_in_place(func) or kwargs.get("inplace") or any(a is True for a in args[1:])
        )
        call.operand = self.rectified.operand(z, relu=relu, in_place=in_place)
        a: Tensor = func(
            *(call.operand if arg is z else arg for arg in args),
            **{key: call.operand if arg is z else arg for key, arg in kwargs.items()},
        )
        self.calls += 1
        label = f"{_name(func)}(), activation {self.calls} of those called as functions"
        return self.rectified.activation_applied(label, call, a, relu=relu)

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
        self.rectified.convolution_applied(windows, x, y)
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
        def mean(output_shape: Sequence[int]) -> WindowMean:
            if kind == "fractional_":
                raise RectGradError(NO_WINDOWS)
            if kind == "adaptive_":
                return adaptive_mean(output_shape, dims)
            bound = {**POOL_DEFAULTS, **dict(zip(POOL_ARGUMENTS, args, strict=False)), **kwargs}
            windows = Windows.of(dims, *(bound[key] for key in POOL_ARGUMENTS[1:]))
            return window_mean(windows, x.shape, output_shape)

        return self.rectified.pool_applied(x, func(*args, **kwargs), mean)


def _with_statistics_of_its_own(
    args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A normalisation that takes those of the batch notes them: in copies, not in the model."""
    training = args[5] if len(args) > 5 else kwargs.get("training", kwargs.get("use_input_stats"))  # noqa: PLR2004
    if training is False:
        return args, kwargs

    def own(key: int | str, value: Any) -> Any:
        noted = key in {1, 2, "running_mean", "running_var"} and isinstance(value, Tensor)
        return value.clone() if noted else value

    return (
        tuple(own(i, value) for i, value in enumerate(args)),
        {key: own(key, value) for key, value in kwargs.items()},
    )


class _MaxPoolCalls(TorchFunctionMode):
    def __init__(self) -> None:
        super().__init__()
        self.seen = False

    def __torch_function__(
        self,
        func: Function,
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        del types
        self.seen = self.seen or bool(POOL.fullmatch(_name(func)))
        return func(*args, **(kwargs or {}))


def calls_max_pools(model: nn.Module, x: Tensor) -> bool:
    """Whether the model calls a max-pooling on its way, as a module or a function.

    Args:
        model: in eval mode.
        x: an input.
    """
    calls = _MaxPoolCalls()
    with torch.no_grad(), calls:
        model(x)
    return calls.seen


def _clamps_like(
    name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> type[nn.Module] | None:
    """The activation that a clamp is: from 0 up a ReLU, from 0 to 6 a ReLU6.

    Any other keeps numbers within bounds (pixels within [0, 1], say) and is no activation.
    """
    limits = ("min",) if name == "clamp_min" else ("min", "max")
    bound = {**dict(zip(limits, args[1:], strict=False)), **kwargs}
    low, high = (
        value.item() if isinstance(value, Tensor) and value.dim() == 0 else value
        for value in (bound.get("min"), bound.get("max"))
    )
    if not isinstance(low, int | float) or low != 0:
        return None
    if high is None:
        return nn.ReLU
    return nn.ReLU6 if high == RELU6_CEILING else None


@lru_cache(maxsize=1024)
def _name(func: Function) -> str:
    """`relu` for `relu_`, `Tensor.relu` and `aten.relu.default`; `T` for `Tensor.T`; and so on."""
    name = _full_name(func)
    if name == "__get__":  # a property of tensors
        name = str(getattr(getattr(func, "__self__", None), "__name__", ""))
    name = name.strip("_").removeprefix("special_")
    return OTHER_NAMES.get(name, name)


def _written_in_place(func: Function) -> bool:
    name = _full_name(func)
    return name == "__imul__" or (name.endswith("_") and not name.endswith("__"))


def _full_name(func: Function) -> str:
    """Without the overload that operators have behind a dot."""
    return str(getattr(func, "__name__", "")).split(".")[0]
