"""The padding trick: no relevance enters a padded convolution through its border.

Kim et al. 2019, appendix C.1 and listing 2.
"""

from torch import Tensor, nn

Convolution = nn.Conv1d | nn.Conv2d | nn.Conv3d

MIN_POSITIONS = 3  # with fewer, everything would be border


def padded_dims(conv: Convolution, input_shape: tuple[int, ...], output: Tensor) -> tuple[int, ...]:
    """Spatial dimensions along which this convolution padded its input.

    A convolution may pad in its own forward instead of through `padding` (timm's "same"
    convolutions do): its output is then larger than without padding it could be.

    Args:
        conv: the module, perhaps of a subclass.
        input_shape: shape of what the module was given, `(..., *spatial)`.
        output: what it returned, `(..., *spatial)`.

    Returns:
        Dimensions counted from the end, such as `(-2, -1)`.
    """
    kernel, stride, dilation = conv.kernel_size, conv.stride, conv.dilation
    declared = (0,) * len(kernel) if isinstance(conv.padding, str) else conv.padding
    padded = []
    for i, dim in enumerate(range(-len(kernel), 0)):
        unpadded = (input_shape[dim] - dilation[i] * (kernel[i] - 1) - 1) // stride[i] + 1
        if declared[i] > 0 or output.shape[dim] > unpadded:
            padded.append(dim)
    return tuple(padded)


def zero_border(gradient: Tensor, dims: tuple[int, ...]) -> Tensor:
    """The gradient with a border of width 1 set to zero along the given dimensions.

    A dimension with fewer than 3 positions is left alone.

    Args:
        gradient: any shape.
        dims: dimensions, as `padded_dims` gives them.

    Returns:
        A new tensor, or the same one where there is nothing to zero.
    """
    wide = [dim for dim in dims if gradient.shape[dim] >= MIN_POSITIONS]
    if not wide:
        return gradient
    gradient = gradient.clone()
    for dim in wide:
        gradient.select(dim, 0).zero_()
        gradient.select(dim, -1).zero_()
    return gradient
