"""How the rules get onto a model: hooks on its modules for the length of one call."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from captum_rectgrad.activations import is_activation, is_relu
from captum_rectgrad.errors import RectGradError
from captum_rectgrad.functions import RectifiedFunctions
from captum_rectgrad.padding import padded_dims
from captum_rectgrad.pooling import NO_WINDOWS, WindowMean, adaptive_mean, window_mean
from captum_rectgrad.rectified_pass import RectifiedPass
from captum_rectgrad.windows import Windows

Arguments = tuple[Any, ...]
Keywords = dict[str, Any]
AfterCall = Callable[[str, Any, Tensor, Any], Any]

Convolution = nn.Conv1d | nn.Conv2d | nn.Conv3d
FixedPool = nn.MaxPool1d | nn.MaxPool2d | nn.MaxPool3d
AdaptivePool = nn.AdaptiveMaxPool1d | nn.AdaptiveMaxPool2d | nn.AdaptiveMaxPool3d
FractionalPool = nn.FractionalMaxPool2d | nn.FractionalMaxPool3d
MaxPool = FixedPool | AdaptivePool | FractionalPool

# Attribute of the alias that a ReLU runs on: the tensor it stands for.
_SOURCE = "_rectgrad_source"


@contextmanager
def rectified(model: nn.Module, state: RectifiedPass) -> Iterator[None]:
    """Put the rules onto a model, and take them off whatever happens in between."""
    handles: list[RemovableHandle] = []
    try:
        for name, module in model.named_modules():
            after = _after(module, state)
            if after is not None:
                handles.extend(_hook(name, module, state, after))
        with RectifiedFunctions(state):
            yield
    finally:
        for handle in handles:
            handle.remove()


def _after(module: nn.Module, state: RectifiedPass) -> AfterCall | None:
    """What is to be done with the output of this module, None: it is none of our business."""
    if is_relu(module) and state.choice.includes(module):
        return partial(_after_relu, state)
    if is_activation(module) or state.choice.includes(module):
        return partial(_after_activation, state)
    if state.padding_trick and isinstance(module, Convolution):
        return partial(_after_convolution, state)
    if state.prr and isinstance(module, MaxPool):
        return partial(_after_pool, state)
    return None


def _hook(
    name: str, module: nn.Module, state: RectifiedPass, after: AfterCall
) -> Iterator[RemovableHandle]:
    relu = is_relu(module) and state.choice.includes(module)

    def before_call(
        module: nn.Module, args: Arguments, kwargs: Keywords
    ) -> tuple[Arguments, Keywords] | None:
        if state.foreign():
            return None
        state.enter(module)
        z = _input(args, kwargs)
        if not relu or not z.requires_grad:
            return None
        alias = z.detach()
        setattr(alias, _SOURCE, z)
        return (alias,), {}

    def after_call(module: nn.Module, args: Arguments, kwargs: Keywords, output: Any) -> Any:
        if state.foreign():
            return None
        state.leave(module)
        if output is None:  # its forward raised
            return None
        return after(f"{name!r} ({type(module).__name__})", module, _input(args, kwargs), output)

    yield module.register_forward_pre_hook(before_call, with_kwargs=True)
    # Before the user's own hooks, which so see the output as the model uses it.
    yield module.register_forward_hook(after_call, prepend=True, with_kwargs=True, always_call=True)


def _after_relu(
    state: RectifiedPass, name: str, module: nn.Module, alias: Tensor, output: Tensor
) -> Tensor | None:
    del module
    z = getattr(alias, _SOURCE, None)
    return None if z is None else state.relu_applied(name, z, alias, output)


def _after_activation(
    state: RectifiedPass, name: str, module: nn.Module, x: Tensor, output: Tensor
) -> Tensor | None:
    if not state.choice.includes(module):
        return None
    return state.activation_applied(name, output, in_place=output is x)


def _after_convolution(
    state: RectifiedPass, name: str, conv: Convolution, x: Tensor, output: Tensor
) -> None:
    del name
    dims = len(conv.kernel_size)
    windows = Windows.of(dims, conv.kernel_size, conv.stride, conv.padding, conv.dilation)
    state.convolution_applied(output, padded_dims(windows, x.shape, output.shape))


def _after_pool(state: RectifiedPass, name: str, pool: MaxPool, x: Tensor, output: Any) -> Any:
    pooled, *indices = output if isinstance(output, tuple) else (output,)
    if not pooled.requires_grad:
        return None
    del name
    pooled = state.pool_applied(x, pooled, pool_mean(pool, x.shape, pooled.shape))
    return (pooled, *indices) if indices else pooled


def pool_mean(pool: MaxPool, input_shape: Sequence[int], output_shape: Sequence[int]) -> WindowMean:
    """The average pooling with the windows of a max-pooling module, for one of its calls.

    Args:
        pool: the module, perhaps of a subclass.
        input_shape: `(..., *spatial)`.
        output_shape: `(..., *spatial)`.

    Returns:
        A linear function from tensors of the input's shape to tensors of the output's.

    Raises:
        RectGradError: the windows cannot be known.
    """
    if isinstance(pool, FractionalPool):
        raise RectGradError(NO_WINDOWS)
    if isinstance(pool, nn.MaxPool1d | nn.AdaptiveMaxPool1d):
        dims = 1
    else:
        dims = 2 if isinstance(pool, nn.MaxPool2d | nn.AdaptiveMaxPool2d) else 3
    if isinstance(pool, AdaptivePool):
        return adaptive_mean(output_shape, dims)
    windows = Windows.of(
        dims, pool.kernel_size, pool.stride, pool.padding, pool.dilation, pool.ceil_mode
    )
    return window_mean(windows, input_shape, output_shape)


def _input(args: Arguments, kwargs: Keywords) -> Tensor:
    tensor: Tensor = args[0] if args else kwargs["input"]
    return tensor
