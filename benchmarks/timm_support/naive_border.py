"""The padding trick once more, written plainly (Kim et al. 2019, listing 2)."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

FEWEST = 3  # with fewer positions, everything would be border
PADDING = 4  # its place among the arguments of torch.nn.functional's convolutions


class ZeroBorder(torch.autograd.Function):
    """The identity; its backward zeroes the first and the last position of some dimensions."""

    @staticmethod
    def forward(ctx: Any, y: Tensor, dimensions: Sequence[int]) -> Tensor:  # noqa: D102
        ctx.dimensions = dimensions
        return y.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # noqa: D102
        inner = torch.ones_like(gradient)
        for dimension in ctx.dimensions:
            if gradient.shape[dimension] >= FEWEST:
                index = torch.tensor([0, gradient.shape[dimension] - 1])
                inner.index_fill_(dimension, index, 0)
        return gradient * inner, None


def padded_dimensions(conv: Any, shape: Sequence[int]) -> list[int]:
    """The spatial dimensions, counted from the end, along which a convolution module pads.

    Args:
        conv: of `torch.nn`, or a subclass of timm's.
        shape: of its input, `(..., *spatial)`.
    """
    dims = len(conv.kernel_size)
    return [i - dims for i in range(dims) if _pads(conv, i, shape[i - dims])]


def _pads(conv: Any, i: int, size: int) -> bool:
    span = conv.dilation[i] * (conv.kernel_size[i] - 1) + 1
    if conv.padding == "same":
        return bool(span > 1)
    # timm's, as TensorFlow's "SAME": enough to have ceil(size / stride) positions.
    same = "Same" in type(conv).__name__ and getattr(conv, "same_pad", True)
    short = (math.ceil(size / conv.stride[i]) - 1) * conv.stride[i] + span - size
    return bool((same and short > 0) or (conv.padding != "valid" and conv.padding[i] > 0))


def padded_by_function(dims: int, args: Sequence[Any], kwargs: dict[str, Any]) -> list[int]:
    """The spatial dimensions, counted from the end, along which a called convolution pads.

    Args:
        dims: how many there are.
        args: of the call.
        kwargs: of the call.
    """
    padding = args[PADDING] if len(args) > PADDING else kwargs.get("padding", 0)
    each = (padding,) * dims if isinstance(padding, int) else tuple(padding)
    each = each * dims if len(each) == 1 else each
    return [i - dims for i in range(dims) if each[i] > 0]
