"""How the rules get onto a model: hooks on its modules for the length of one call."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from captum_rectgrad.activations import is_activation, is_relu
from captum_rectgrad.errors import RectGradError
from captum_rectgrad.functions import RectifiedFunctions
from captum_rectgrad.pooling import NO_WINDOWS, WindowMean, adaptive_mean, window_mean
from captum_rectgrad.rectified_pass import RectifiedPass, Running
from captum_rectgrad.windows import Windows

Arguments = tuple[Any, ...]
Keywords = dict[str, Any]

Convolution = nn.Conv1d | nn.Conv2d | nn.Conv3d
FixedPool = nn.MaxPool1d | nn.MaxPool2d | nn.MaxPool3d
AdaptivePool = nn.AdaptiveMaxPool1d | nn.AdaptiveMaxPool2d | nn.AdaptiveMaxPool3d
FractionalPool = nn.FractionalMaxPool2d | nn.FractionalMaxPool3d
MaxPool = FixedPool | AdaptivePool | FractionalPool


@contextmanager
def rectified(model: nn.Module, state: RectifiedPass) -> Iterator[None]:
    """Put the rules onto a model, and take them off whatever happens in between."""
    # Goes on with the other hooks even if an interrupt comes while one is being removed.
    with ExitStack() as hooks:
        hooks.callback(setattr, state, "closed", True)
        hooks.callback(state.buffers.clear)  # a model that keeps its output keeps the pass as well
        for name, module in model.named_modules():
            for handle in _hook(f"{name!r} ({type(module).__name__})", module, state):
                hooks.callback(handle.remove)
        with RectifiedFunctions(state):
            yield


def _hook(name: str, module: nn.Module, state: RectifiedPass) -> Iterator[RemovableHandle]:
    chosen = state.settings.choice.includes(module)
    if chosen or is_activation(module):
        # One that is not chosen is hooked too, so that what it calls is left alone as well.
        before, after = _activation_hooks(name, module, state, chosen=chosen)
    elif state.settings.padding_trick and _is_convolution(module):
        before, after = _nothing_before, partial(_after_convolution, state, module)
    elif state.settings.prr and isinstance(module, MaxPool):
        before, after = _nothing_before, partial(_after_pool, state, module)
    else:
        return
    activation = before is not _nothing_before

    # Another thread may see a hook before it is registered to take keywords, so all that is not
    # positional for sure is optional; it is none of that thread's business anyway.
    def before_call(
        module: nn.Module, args: Arguments, kwargs: Keywords | None = None
    ) -> tuple[Arguments, Keywords] | None:
        if state.foreign() or kwargs is None:
            return None
        nested = state.inside_activation
        place, z = _input(name, args, kwargs)
        running = state.enter(module, z, activation=activation)
        if nested or not activation:
            return None
        running.operand = before(z)
        values = {**_places(args, kwargs), place: running.operand}
        return tuple(values[i] for i in range(len(args))), {key: values[key] for key in kwargs}

    def after_call(module: nn.Module, _: Arguments, *rest: Any) -> Any:
        if state.foreign():
            return None
        _, output = rest
        running = state.leave(module)
        # None: its forward raised, or a hook before it.
        if running is None or output is None or state.inside_activation:
            return None
        return after(running, output)

    yield module.register_forward_pre_hook(before_call, with_kwargs=True)
    # Before the user's own hooks, which so see the output as the model uses it.
    yield module.register_forward_hook(after_call, prepend=True, with_kwargs=True, always_call=True)


def _activation_hooks(
    name: str, module: nn.Module, state: RectifiedPass, *, chosen: bool
) -> tuple[Callable[[Tensor], Tensor], Callable[[Running, Any], Any]]:
    relu = is_relu(module)
    # What is not known may work in place without saying so.
    in_place = bool(getattr(module, "inplace", not is_activation(module)))

    def before(z: Tensor) -> Tensor:
        return state.operand(z, relu=relu, in_place=in_place) if chosen else z

    def after(running: Running, output: Any) -> Any:
        if not chosen:
            return None
        if not isinstance(output, Tensor):
            raise RectGradError(
                f"{name} was chosen as an activation, and returned {type(output).__name__} instead "
                "of a tensor; choose modules that return one tensor"
            )
        return state.activation_applied(name, running, output, relu=relu)

    return before, after


def _is_convolution(module: nn.Module) -> bool:
    """Whether it is one of `torch.nn`, or timm's whose weights depend on the sample."""
    return isinstance(module, Convolution) or type(module).__name__ == "CondConv2d"


def _nothing_before(x: Tensor) -> Tensor:
    return x


def _after_convolution(state: RectifiedPass, conv: Any, running: Running, output: Tensor) -> None:
    dims = len(conv.kernel_size)
    windows = Windows.of(dims, conv.kernel_size, conv.stride, conv.padding, conv.dilation)
    state.convolution_applied(windows, running.z, output)


def _after_pool(state: RectifiedPass, pool: MaxPool, running: Running, output: Any) -> Any:
    return state.pool_applied(running.z, output, partial(pool_mean, pool, running.z.shape))


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


def _places(args: Arguments, kwargs: Keywords) -> dict[int | str, Any]:
    return dict([*enumerate(args), *kwargs.items()])


def _input(name: str, args: Arguments, kwargs: Keywords) -> tuple[int | str, Tensor]:
    """What a module works on, and its place: the first tensor that has a gradient, if any has."""
    places = _places(args, kwargs).items()
    tensors = {place: value for place, value in places if isinstance(value, Tensor)}
    if not tensors:
        raise RectGradError(
            f"{name} was called without a tensor of its own; choose modules for activations=[...] "
            "that are called with one"
        )
    return next((item for item in tensors.items() if item[1].requires_grad), (*tensors.items(),)[0])
