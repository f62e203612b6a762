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
from torch import Tensor
from torch.nn import functional as F

from captum_rectgrad.errors import RectGradError
from captum_rectgrad.windows import Windows

EPSILON = 1e-10  # listing 3

NO_WINDOWS = (
    "PRR needs the windows of a max-pooling, and fractional pooling draws them at random; use "
    "prr=False"
)

AVERAGES: tuple[Callable[..., Tensor], ...] = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)
ADAPTIVE_AVERAGES: tuple[Callable[..., Tensor], ...] = (
    F.adaptive_avg_pool1d,
    F.adaptive_avg_pool2d,
    F.adaptive_avg_pool3d,
)

# From the input of a pooling to the average over each of its windows.
WindowMean = Callable[[Tensor], Tensor]


def adaptive_mean(output_shape: Sequence[int], dims: int) -> WindowMean:
    """The average pooling with the windows of an adaptive max-pooling.

    Args:
        output_shape: `(..., *spatial)`.
        dims: number of spatial dimensions.

    Returns:
        A linear function from tensors of the input's shape to tensors of the output's.
    """
    return partial(ADAPTIVE_AVERAGES[dims - 1], output_size=tuple(output_shape[-dims:]))


def window_mean(
    windows: Windows, input_shape: Sequence[int], output_shape: Sequence[int]
) -> WindowMean:
    """The average pooling with the windows of a max-pooling.

    Averages run over real positions, never over padding. The module may have padded its input
    itself, as TensorFlow's SAME does.

    Args:
        windows: those of the max-pooling.
        input_shape: `(..., *spatial)`.
        output_shape: `(..., *spatial)`.

    Returns:
        A linear function from tensors of the input's shape to tensors of the output's.

    Raises:
        RectGradError: the output is not of the size these windows give, padded or not.
    """
    dims = len(windows.kernel)
    size, out = tuple(input_shape[-dims:]), tuple(output_shape[-dims:])
    spans, stride, before = windows.spans, windows.stride, windows.padding
    declared = tuple(
        _window_count(*numbers, ceil_mode=windows.ceil_mode)
        for numbers in zip(size, spans, stride, before, strict=True)
    )
    if out == declared and set(windows.dilation) == {1}:
        return partial(
            AVERAGES[dims - 1],
            kernel_size=windows.kernel,
            stride=stride,
            padding=before,
            ceil_mode=windows.ceil_mode,
            count_include_pad=False,
        )
    if out != declared:
        if any(o != -(-n // s) for n, o, s in zip(size, out, stride, strict=True)):
            raise RectGradError(
                f"PRR cannot tell the windows of a max-pooling that made {out} of {size}: its "
                f"arguments give {declared}; use prr=False"
            )
        before = tuple(
            max((o - 1) * s + span - n, 0) // 2
            for n, o, s, span in zip(size, out, stride, spans, strict=True)
        )

    def sums(x: Tensor) -> Tensor:
        # Sums over windows are separable.
        for i, dim in enumerate(range(-dims, 0)):
            x = _window_sums(x, dim, out[i], spans[i], stride[i], windows.dilation[i], before[i])
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
