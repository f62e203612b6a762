"""Convolutions and their gradients for the input."""

from collections.abc import Sequence
from typing import Any

from captum_rectgrad.export.graph_writer import Dims, GraphWriter, Value
from captum_rectgrad.export.operators.registry import UnsupportedOperatorError, translates
from captum_rectgrad.export.operators.shapes import padded, reshaped, reversed_along
from captum_rectgrad.export.sizes import Size

Numbers = Sequence[int]


@translates("convolution")
def convolution(
    w: GraphWriter,
    x: Value,
    weight: Value,
    bias: Value | None,
    stride: Numbers,
    padding: Numbers,
    dilation: Numbers,
    transposed: bool,
    output_padding: Numbers,
    groups: int,
) -> Any:
    """Convolution or transposed convolution."""
    spatial = len(x.shape) - 2
    inputs = [x.name, weight.name, *([] if bias is None else [bias.name])]
    attributes: dict[str, Any] = {
        "strides": _each(stride, spatial),
        "pads": 2 * _each(padding, spatial),
        "dilations": _each(dilation, spatial),
        "group": groups,
    }
    if not transposed:
        return w.add("Conv", *inputs, **attributes)
    attributes["output_padding"] = _each(output_padding, spatial)
    return w.add("ConvTranspose", *inputs, **attributes)


@translates("convolution_backward")
def convolution_backward(
    w: GraphWriter,
    grad: Value,
    x: Value,
    weight: Value,
    _: object,
    stride: Numbers,
    padding: Numbers,
    dilation: Numbers,
    transposed: bool,
    output_padding: Numbers,
    groups: int,
    output_mask: Sequence[bool],
) -> Any:
    """Gradient of a convolution for its input."""
    del output_padding
    if output_mask[1] or output_mask[2]:
        raise UnsupportedOperatorError(["convolution_backward for weights"])
    spatial = len(x.shape) - 2
    stride, padding, dilation = (_each(each, spatial) for each in (stride, padding, dilation))
    if transposed:
        pads = 2 * padding
        attributes: dict[str, Any] = {
            "strides": stride,
            "pads": pads,
            "dilations": dilation,
            "group": groups,
        }
        return [w.add("Conv", grad.name, weight.name, **attributes), None, None]
    windows = Windows(_fixed(weight.shape[2:]), stride, padding, dilation)
    name = windows.input_gradient(w, grad, x.shape, weight, groups)
    return [name, None, None]


class Windows:
    """The windows of a convolution or an average pooling.

    Args:
        kernel: number of positions of a window.
        stride: distance between windows.
        padding: padding at both ends.
        dilation: distance between positions of a window.
    """

    def __init__(
        self, kernel: Numbers, stride: Numbers, padding: Numbers, dilation: Numbers
    ) -> None:
        self.kernel, self.stride = list(kernel), list(stride)
        self.padding, self.dilation = list(padding), list(dilation)
        each = zip(kernel, dilation, strict=True)
        self.spans = [size_ * step + 1 for size_, step in ((k - 1, d) for k, d in each)]

    def input_gradient(
        self, w: GraphWriter, grad: Value, shape: Dims, weight: Value, groups: int
    ) -> str:
        """The gradient of a convolution with these windows for its input.

        With stride 1 it is a convolution with the flipped weights, which runtimes compute faster
        than a transposed one.

        Args:
            w: the graph.
            grad: output gradient.
            shape: shape of the input.
            weight: weights `(channels_out, channels_in / groups, *kernel)`.
            groups: number of groups.
        """
        around = [span - 1 - p for span, p in zip(self.spans, self.padding, strict=True)]
        if set(self.stride) == {1} and min(around) >= 0:
            flipped = _flipped(w, weight, groups)
            attributes: dict[str, Any] = {
                "pads": 2 * around,
                "dilations": self.dilation,
                "group": groups,
            }
            return str(w.add("Conv", grad.name, flipped, **attributes))
        rank, count = len(shape), len(self.kernel)
        attributes = {"strides": self.stride, "dilations": self.dilation, "group": groups}
        sizes, outputs = shape[rank - count :], grad.shape[rank - count :]
        if any(isinstance(size, Size) for size in (*sizes, *outputs)):
            # Only the start is cropped; the end is extended and cropped to the input's size.
            pads = [*self.padding, *[0] * count]
            name = str(w.add("ConvTranspose", grad.name, weight.name, pads=pads, **attributes))
            ends = [0] * (rank - count) + [step - 1 for step in self.stride]
            name = padded(w, name, [0] * rank, ends, w.constant(0, grad.dtype))
            axes = list(range(rank - count, rank))
            return str(w.add("Slice", name, w.ints([0] * count), w.ints(sizes), w.ints(axes)))
        after = [
            (out - 1) * step + span - p - size
            for out, step, span, p, size in zip(
                _fixed(outputs), self.stride, self.spans, self.padding, _fixed(sizes), strict=True
            )
        ]
        pads = [*self.padding, *(max(end, 0) for end in after)]
        name = str(w.add("ConvTranspose", grad.name, weight.name, pads=pads, **attributes))
        if min(after) >= 0:
            return name
        ends = [0] * (rank - count) + [max(-end, 0) for end in after]
        return padded(w, name, [0] * rank, ends, w.constant(0, grad.dtype))


def _flipped(w: GraphWriter, weight: Value, groups: int) -> str:
    """Weights `(channels_in, channels_out / groups, *kernel)`, reversed in space.

    It is written as operations on the weights, which runtimes compute when they load the file, so
    that the file has the weights once.
    """
    out, into, *kernel = _fixed(weight.shape)
    axes = list(range(len(weight.shape)))
    name = weight.name
    if groups == 1:
        name = str(w.add("Transpose", name, perm=[1, 0, *axes[2:]]))
    elif out != groups or into != 1:
        name = reshaped(w, name, (groups, out // groups, into, *kernel))
        name = str(w.add("Transpose", name, perm=[0, 2, 1, *(axis + 1 for axis in axes[2:])]))
        name = reshaped(w, name, (groups * into, out // groups, *kernel))
    wide = [axis for axis in axes[2:] if weight.shape[axis] != 1]
    return reversed_along(w, name, wide) if wide else name


def _each(numbers: Numbers, count: int) -> list[int]:
    return list(numbers) * count if len(numbers) == 1 else list(numbers)


def _fixed(shape: Dims) -> list[int]:
    """A shape that must not depend on the inputs."""
    if any(isinstance(number, Size) for number in shape):
        raise UnsupportedOperatorError(
            ["a convolution whose channels have a changing size"], is_of_size=True
        )
    return [number for number in shape if isinstance(number, int)]
