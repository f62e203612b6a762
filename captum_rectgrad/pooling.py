"""The proportional redistribution rule (PRR) for max-pooling.

Kim et al. 2019, appendix C.2 and listing 3: instead of following the largest unit of a window, the
gradient is shared out in proportion to the activations,
`R_in = x * avgpool_backward(R_out / (avgpool(x) + 1e-10))`.

The listing is unstable where the pool's input is signed, since a mean near zero amplifies rounding.
So `x` is taken as `max(x, 0)`: the same where the pool follows a ReLU.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from captum_rectgrad.errors import RectGradError

EPSILON = 1e-10  # listing 3

FixedPool = nn.MaxPool1d | nn.MaxPool2d | nn.MaxPool3d
AdaptivePool = nn.AdaptiveMaxPool1d | nn.AdaptiveMaxPool2d | nn.AdaptiveMaxPool3d
MaxPool = FixedPool | AdaptivePool | nn.FractionalMaxPool2d | nn.FractionalMaxPool3d

AVERAGES: tuple[Callable[..., Tensor], ...] = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)
ADAPTIVE_AVERAGES: tuple[Callable[..., Tensor], ...] = (
    F.adaptive_avg_pool1d,
    F.adaptive_avg_pool2d,
    F.adaptive_avg_pool3d,
)

# From the input of a pooling to the average over each of its windows.
WindowMean = Callable[[Tensor], Tensor]


def window_mean(
    pool: MaxPool, input_shape: Sequence[int], output_shape: Sequence[int]
) -> WindowMean:
    """The average pooling with the windows of this max-pooling call.

    Averages run over real positions, never over padding.

    Args:
        pool: the module, perhaps of a subclass that pads its input itself, as TensorFlow's SAME
            does.
        input_shape: `(..., *spatial)`.
        output_shape: `(..., *spatial)`.

    Returns:
        A linear function from tensors of the input's shape to tensors of the output's.

    Raises:
        RectGradError: the windows cannot be told from the module (fractional pooling, or a
            subclass with windows of its own).
    """
    if isinstance(pool, nn.AdaptiveMaxPool1d | nn.MaxPool1d):
        dims = 1
    elif isinstance(pool, nn.AdaptiveMaxPool2d | nn.MaxPool2d):
        dims = 2
    elif isinstance(pool, nn.AdaptiveMaxPool3d | nn.MaxPool3d):
        dims = 3
    else:
        raise RectGradError(
            f"PRR needs the windows of a max-pooling, and {type(pool).__name__} draws them at "
            "random; use prr=False"
        )
    size, out = tuple(input_shape[-dims:]), tuple(output_shape[-dims:])
    if isinstance(pool, AdaptivePool):
        return partial(ADAPTIVE_AVERAGES[dims - 1], output_size=out)
    return _fixed_window_mean(pool, size, out)


def _fixed_window_mean(pool: FixedPool, size: tuple[int, ...], out: tuple[int, ...]) -> WindowMean:
    dims = len(size)
    kernel, stride = _each(pool.kernel_size, dims), _each(pool.stride, dims)
    padding, dilation = _each(pool.padding, dims), _each(pool.dilation, dims)
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    declared = tuple(
        _window_count(*numbers, ceil_mode=pool.ceil_mode)
        for numbers in zip(size, spans, stride, padding, strict=True)
    )
    if out == declared and set(dilation) == {1}:
        return partial(
            AVERAGES[dims - 1],
            kernel_size=kernel,
            stride=stride,
            padding=padding,
            ceil_mode=pool.ceil_mode,
            count_include_pad=False,
        )
    if out == declared:
        before = padding
    elif all(o == -(-n // s) for n, o, s in zip(size, out, stride, strict=True)):
        before = tuple(
            max((o - 1) * s + span - n, 0) // 2
            for n, o, s, span in zip(size, out, stride, spans, strict=True)
        )
    else:
        raise RectGradError(
            f"PRR cannot tell the windows of {type(pool).__name__}: on {size} its attributes give "
            f"{declared}, it returned {out}; use prr=False"
        )

    def sums(x: Tensor) -> Tensor:
        # Sums over windows are separable.
        for i, dim in enumerate(range(-dims, 0)):
            x = _window_sums(x, dim, out[i], spans[i], stride[i], dilation[i], before[i])
        return x

    return lambda x: sums(x) / sums(torch.ones_like(x))


def redistribute(x: Tensor, gradient: Tensor, mean: WindowMean) -> Tensor:
    """Share the gradient of a max-pooling out over its windows (listing 3).

    Args:
        x: the pool's input, `(..., *spatial)`.
        gradient: `R_out`, of the pool's output's shape.
        mean: as `window_mean` gives it.

    Returns:
        `R_in`, of the shape of `x` and the dtype of `gradient`; computed in float32 or better,
        since 1e-10 is zero in half precision.
    """
    wide = torch.promote_types(gradient.dtype, torch.float32)
    weights = x.detach().to(wide).clamp(min=0)
    with torch.enable_grad():
        leaf = weights.requires_grad_()
        means = mean(leaf)
        (shares,) = torch.autograd.grad(means, leaf, gradient.to(wide) / (means.detach() + EPSILON))
    return (weights.detach() * shares).to(gradient.dtype)


def _each(value: int | Sequence[int], dims: int) -> tuple[int, ...]:
    """A size for each dimension, where `torch.nn` takes one for all."""
    return (value,) * dims if isinstance(value, int) else tuple(value)


def _window_count(size: int, span: int, stride: int, padding: int, *, ceil_mode: bool) -> int:
    """How many windows PyTorch's pooling has along one dimension."""
    room = size + 2 * padding - span
    if not ceil_mode:
        return room // stride + 1
    windows = -(-room // stride) + 1
    # A window may not start in the padding on the right.
    return windows - 1 if (windows - 1) * stride >= size + padding else windows


def _window_sums(
    x: Tensor, dim: int, windows: int, span: int, stride: int, dilation: int, before: int
) -> Tensor:
    """Sums over windows along one dimension; window sums are separable, so this is enough."""
    after = (windows - 1) * stride + span - x.shape[dim] - before
    padding = [0, 0] * (-dim - 1) + [before, after]
    return F.pad(x, padding).unfold(dim, span, stride)[..., ::dilation].sum(-1)
