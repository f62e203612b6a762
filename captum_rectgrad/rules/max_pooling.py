"""The proportional redistribution rule (PRR) for max-pooling.

Kim et al. 2019, appendix C.2 and listing 3. The gradient of a window is distributed in proportion
to the activations, instead of to the largest unit:
`R_in = x * avgpool_backward(R_out / (avgpool(x) + 1e-10))`.

The listing is unstable for signed inputs, since a mean near zero amplifies rounding errors.
Therefore `x` is replaced by `max(x, 0)`, which has no effect after a ReLU.
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
        kernel: number of positions of a window.
        stride: distance between windows.
        padding: padding at both ends.
        dilation: distance between the positions of a window.
        ceil_mode: whether a window that starts in the input may end beyond the padding.
    """

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    ceil_mode: bool

    def sums(self, x: Tensor, output_size: Sequence[int]) -> Tensor:
        """Sum over each window.

        Args:
            x: tensor `(..., *spatial)`.
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
    """Distribute the gradient of a max-pooling over its windows (listing 3).

    Args:
        x: input of the pooling, `(..., *spatial)`.
        grad_output: output gradient `R_out`, of the shape of the pooling's output.
        spatial: number of spatial dimensions, 2 or 3.
        windows: windows of the pooling; None for adaptive pooling.
        is_padded: whether elements of `x` that are -inf are padding, which averages exclude.

    Returns:
        The input gradient `R_in`, of the shape of `x` and the dtype of `grad_output`. The
        computation uses at least float32, since 1e-10 is zero in half precision.
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

    # The average is linear, so its gradient does not depend on its input.
    with torch.enable_grad():
        leaf = weights.detach().requires_grad_()
        averages = mean(leaf)
    shares = grad_output.to(wide) / (mean(weights) + EPSILON)
    (spread,) = torch.autograd.grad(averages, leaf, shares, create_graph=torch.is_grad_enabled())
    return (weights * spread).to(grad_output.dtype)
