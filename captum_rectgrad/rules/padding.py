"""The padding trick: zeroes the gradient at the border of padded convolutions.

Kim et al. 2019, appendix C.1 and listing 2.
"""

from collections.abc import Sequence

from torch import Tensor

MIN_POSITIONS = 3  # smaller dimensions consist of the border only


def zero_border(gradient: Tensor, dims: Sequence[int], *, in_place: bool = False) -> Tensor:
    """The gradient with a border of width 1 set to zero along the given dimensions.

    A dimension with fewer than 3 positions is unchanged.

    Args:
        gradient: gradient of any shape.
        dims: dimensions along which the convolution pads.
        in_place: whether `gradient` itself is changed.

    Returns:
        A tensor of the same shape; `gradient` if it is changed in place or no dimension is zeroed.
    """
    wide = [dim for dim in dims if gradient.shape[dim] >= MIN_POSITIONS]
    if not wide:
        return gradient
    if not in_place:
        gradient = gradient.clone()
    for dim in wide:
        gradient.select(dim, 0).zero_()
        gradient.select(dim, -1).zero_()
    return gradient
