"""The padding trick: no relevance enters a padded convolution through its border.

Kim et al. 2019, appendix C.1 and listing 2.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from captum_rectgrad.buffers import INTEGERS
from captum_rectgrad.windows import Windows

MIN_POSITIONS = 3  # with fewer, everything would be border


def padded_dims(
    windows: Windows, input_shape: Sequence[int], output_shape: Sequence[int]
) -> tuple[int, ...]:
    """Spatial dimensions along which a convolution padded its input.

    A module may pad in its own forward instead of through `padding` (timm's "same" convolutions
    do): its output is then larger than without padding it could be.

    Args:
        windows: the convolution's.
        input_shape: shape of what it was given, `(..., *spatial)`.
        output_shape: shape of what it returned, `(..., *spatial)`.

    Returns:
        Dimensions counted from the end, such as `(-2, -1)`.
    """
    padded = []
    for i, dim in enumerate(range(-len(windows.kernel), 0)):
        unpadded = (input_shape[dim] - windows.spans[i]) // windows.stride[i] + 1
        if windows.padding[i] > 0 or output_shape[dim] > unpadded:
            padded.append(dim)
    return tuple(padded)


def zero_border(
    gradient: Tensor, dims: tuple[int, ...], empty_like: Callable[[Tensor], Tensor]
) -> Tensor:
    """The gradient with a border of width 1 set to zero along the given dimensions.

    A dimension with fewer than 3 positions is left alone.

    Args:
        gradient: any shape, floating point.
        dims: dimensions, as `padded_dims` gives them.
        empty_like: makes the new tensor, as `torch.empty_like` does.

    Returns:
        A new tensor, or the same one where there is nothing to zero.
    """
    wide = _wide(gradient, dims)
    if not wide:
        return gradient
    inside = gradient.new_ones(gradient.shape[min(wide) :], dtype=torch.bool)
    zero_border_(wide, inside)
    bits = INTEGERS.get(gradient.element_size())
    if gradient.is_complex() or bits is None:
        return torch.where(inside, gradient, 0)
    # Bit by bit: in one go, and NaN and infinity become zero too. A sign that PyTorch has only
    # noted, as behind a complex conjugate, is none of the bits yet.
    gradient = gradient.resolve_neg()
    result = empty_like(gradient)
    torch.bitwise_and(gradient.view(bits), -inside.to(bits), out=result.view(bits))
    return result


def zero_border_(dims: Sequence[int], gradient: Tensor) -> None:
    """The same in place, as PyTorch's trailing underscore says.

    Args:
        dims: dimensions, as `padded_dims` gives them.
        gradient: any shape; nobody else has it.
    """
    for dim in _wide(gradient, dims):
        gradient.select(dim, 0).zero_()
        gradient.select(dim, -1).zero_()


def _wide(gradient: Tensor, dims: Sequence[int]) -> list[int]:
    return [dim for dim in dims if gradient.shape[dim] >= MIN_POSITIONS]
