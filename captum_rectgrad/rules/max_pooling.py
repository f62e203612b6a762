"""The proportional redistribution rule (PRR) for max-pooling.

Kim et al. 2019, appendix C.2 and listing 3: instead of following the largest unit of a window, the
gradient is shared out in proportion to the activations,
`R_in = x * avgpool_backward(R_out / (avgpool(x) + 1e-10))`.

The listing is unstable where the pool's input is signed, since a mean near zero amplifies rounding.
So `x` is taken as `max(x, 0)`: the same where the pool follows a ReLU.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

EPSILON = 1e-10  # listing 3

AVERAGES: dict[int, Callable[..., Tensor]] = {2: F.avg_pool2d, 3: F.avg_pool3d}
ADAPTIVE_AVERAGES: dict[int, Callable[..., Tensor]] = {
    2: F.adaptive_avg_pool2d,
    3: F.adaptive_avg_pool3d,
}


@dataclass(frozen=True)
class Windows:
    """The windows of a max-pooling, by spatial dimension.

    Attributes:
        kernel: positions of a window.
        stride: from one window to the next.
        padding: at either end.
        dilation: from one position of a window to the next.
        ceil_mode: whether a window may begin within the input and end beyond the padding.
    """

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    ceil_mode: bool

    def sums(self, x: Tensor, output_size: Sequence[int]) -> Tensor:
        """Sum over each window.

        Args:
            x: `(..., *spatial)`.
            output_size: number of windows along each spatial dimension.

        Returns:
            A tensor of shape `(..., *output_size)`.
        """
        dims = len(self.kernel)
        for i, count in enumerate(output_size):
            dim = i - dims
            span = self.dilation[i] * (self.kernel[i] - 1) + 1
            after = (count - 1) * self.stride[i] + span - x.shape[dim] - self.padding[i]
            x = F.pad(x, [0, 0] * (-dim - 1) + [self.padding[i], after])
            # Sums over windows are separable.
            x = x.unfold(dim, span, self.stride[i])[..., :: self.dilation[i]].sum(-1)
        return x


def redistribute(
    x: Tensor,
    grad_output: Tensor,
    spatial: int,
    windows: Windows | None = None,
    *,
    is_padded: bool = False,
) -> Tensor:
    """Share the gradient of a max-pooling out over its windows (listing 3).

    Args:
        x: the pool's input, `(..., *spatial)`.
        grad_output: `R_out`, of the pool's output's shape.
        spatial: number of spatial dimensions, 2 or 3.
        windows: None for adaptive pooling.
        is_padded: whether positions of `x` that are -inf are padding. Averages run over real
            positions only.

    Returns:
        `R_in`, of the shape of `x` and the dtype of `grad_output`; computed in float32 or better,
        since 1e-10 is zero in half precision.
    """
    wide = torch.promote_types(grad_output.dtype, torch.float32)
    output_size = grad_output.shape[-spatial:]
    weights = x.to(wide).clamp(min=0)
    real = ~x.isneginf() if is_padded else None

    def mean(values: Tensor) -> Tensor:
        if windows is None:
            return ADAPTIVE_AVERAGES[spatial](values, output_size)
        if set(windows.dilation) == {1} and real is None:
            return AVERAGES[spatial](
                values,
                windows.kernel,
                windows.stride,
                windows.padding,
                windows.ceil_mode,
                count_include_pad=False,
            )
        counted = torch.ones_like(values) if real is None else real.to(values.dtype)
        return windows.sums(values, output_size) / windows.sums(counted, output_size)

    # The average is linear, so its gradient does not depend on where it is taken.
    with torch.enable_grad():
        leaf = weights.detach().requires_grad_()
        averages = mean(leaf)
    shares = grad_output.to(wide) / (mean(weights) + EPSILON)
    (spread,) = torch.autograd.grad(averages, leaf, shares, create_graph=torch.is_grad_enabled())
    return (weights * spread).to(grad_output.dtype)
