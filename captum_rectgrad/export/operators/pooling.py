"""Max-pooling and average pooling with their gradients."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
import torch

from captum_rectgrad.export.graph_writer import Dims, GraphWriter, Value
from captum_rectgrad.export.operators.convolution import Windows
from captum_rectgrad.export.operators.registry import UnsupportedOperatorError, translates
from captum_rectgrad.export.operators.shapes import padded, reshaped
from captum_rectgrad.export.sizes import Size

Numbers = Sequence[int] | int


@translates("max_pool2d_with_indices", "max_pool3d_with_indices")
def max_pool(
    w: GraphWriter,
    x: Value,
    kernel: Numbers,
    stride: Numbers = (),
    padding: Numbers = 0,
    dilation: Numbers = 1,
    ceil_mode: bool = False,
) -> Any:
    """Max-pooling.

    The indices are those of ONNX, positions in the whole tensor; only the gradient uses them. The
    first of equal elements in row order is the maximum, as in PyTorch on a CPU.
    """
    windows = _windows(w, kernel, stride, padding, dilation)
    return w.add(
        "MaxPool",
        x.name,
        outputs=2,
        kernel_shape=windows.kernel,
        strides=windows.stride,
        pads=[*windows.padding, *_ends(windows, x.shape, w.result[0][0], ceil_mode=ceil_mode)],
        dilations=windows.dilation,
    )


@translates("max_pool2d_with_indices_backward", "max_pool3d_with_indices_backward")
def max_pool_backward(
    w: GraphWriter,
    grad: Value,
    x: Value,
    kernel: Numbers,
    stride: Numbers,
    padding: Numbers,
    dilation: Numbers,
    ceil_mode: bool,
    indices: Value,
) -> Any:
    """Gradient of max-pooling: the sum over the windows whose maximum an element is."""
    del ceil_mode
    windows = _windows(w, kernel, stride, padding, dilation)
    count = _product(x.shape)
    zeros = w.add("Expand", w.constant(0, grad.dtype), w.ints([count]))
    flat = [reshaped(w, value.name, (-1,)) for value in (indices, grad)]
    overlaps = any(step < span for step, span in zip(windows.stride, windows.spans, strict=True))
    added: dict[str, Any] = {"reduction": "add"} if overlaps else {}
    return reshaped(w, str(w.add("ScatterElements", zeros, *flat, axis=0, **added)), x.shape)


def _product(shape: Dims) -> int | Size:
    sizes = [number.values for number in shape if isinstance(number, Size)]
    fixed = prod(number for number in shape if isinstance(number, int))
    if not sizes:
        return fixed
    return Size(tuple(fixed * prod(values) for values in zip(*sizes, strict=True)))


@translates("avg_pool2d")
def average_pool(
    w: GraphWriter,
    x: Value,
    kernel: Numbers,
    stride: Numbers = (),
    padding: Numbers = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Any:
    """Average pooling: sums over the padded windows, and a division by their sizes."""
    windows = _windows(w, kernel, stride, padding, 1)
    attributes: dict[str, Any] = {"kernel_shape": windows.kernel, "strides": windows.stride}
    if not (ceil_mode or divisor_override):
        pads, included = 2 * windows.padding, int(count_include_pad)
        return w.add("AveragePool", x.name, pads=pads, count_include_pad=included, **attributes)
    output = w.result[0][0]
    divisor = _divisor(windows, x.shape, output, count_include_pad, divisor_override)
    ends = _ends(windows, x.shape, output, ceil_mode=True)
    zero = w.constant(0, x.dtype)
    name = padded(w, x.name, [0, 0, *windows.padding], [0, 0, *ends], zero)
    averages = w.add("AveragePool", name, **attributes)
    return w.add("Mul", averages, w.constant(prod(windows.kernel) / divisor, x.dtype))


@translates("avg_pool2d_backward")
def average_pool_backward(
    w: GraphWriter,
    grad: Value,
    x: Value,
    kernel: Numbers,
    stride: Numbers,
    padding: Numbers,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> Any:
    """Gradient of average pooling: a convolution of each channel with ones."""
    windows = _windows(w, kernel, stride, padding, 1)
    has_equal_windows = not ceil_mode and (count_include_pad or not any(windows.padding))
    divisor: Any = prod(windows.kernel)
    if divisor_override or not has_equal_windows:
        divisor = _divisor(windows, x.shape, grad.shape, count_include_pad, divisor_override)
    divided = w.add("Div", grad.name, w.constant(divisor, grad.dtype))
    (*lead, height, width), (*_, rows, columns) = x.shape, grad.shape
    planes = _product(tuple(lead))
    flat: Dims = (planes, 1, rows, columns)
    ones = torch.ones(1, 1, *windows.kernel, dtype=grad.dtype)
    kernel_value = Value(w.constant(ones.numpy()), tuple(ones.shape), grad.dtype)
    each = Value(reshaped(w, divided, flat), flat, grad.dtype)
    found = windows.input_gradient(w, each, (planes, 1, height, width), kernel_value, 1)
    return reshaped(w, found, x.shape)


def _divisor(
    windows: Windows, shape: Dims, output: Dims, includes_padding: bool, override: int | None
) -> Any:
    """What PyTorch divides the sum of each window by, `(rows, columns)`."""
    if override:
        return np.array(float(override))
    counts = []
    for i, (size, out) in enumerate(zip(shape[-2:], output[-2:], strict=True)):
        if isinstance(size, Size) or isinstance(out, Size):
            raise UnsupportedOperatorError(
                ["avg_pool2d with padding, of changing size"], is_of_size=True
            )
        starts = np.arange(out) * windows.stride[i] - windows.padding[i]
        ends = np.minimum(starts + windows.kernel[i], size + windows.padding[i])
        if not includes_padding:
            starts, ends = np.maximum(starts, 0), np.minimum(ends, size)
        counts.append((ends - starts).astype(np.float64))
    return np.outer(*counts)


def _windows(
    w: GraphWriter, kernel: Numbers, stride: Numbers, padding: Numbers, dilation: Numbers
) -> Windows:
    spatial = len(w.result[0][0]) - 2

    def each(numbers: Numbers) -> list[int]:
        values = [numbers] if isinstance(numbers, int) else list(numbers)
        return values * spatial if len(values) == 1 else values

    return Windows(each(kernel), each(stride or kernel), each(padding), each(dilation))


def _ends(windows: Windows, shape: Dims, output: Dims, *, ceil_mode: bool) -> list[int]:
    """The padding at the end; with `ceil_mode`, up to the end of the last window."""
    if not ceil_mode:
        return windows.padding
    count = len(windows.kernel)
    ends = []
    for i, (size, out) in enumerate(zip(shape[-count:], output[-count:], strict=True)):
        if isinstance(size, Size) or isinstance(out, Size):
            raise UnsupportedOperatorError(
                ["max_pool2d with ceil_mode, of changing size"], is_of_size=True
            )
        reached = (out - 1) * windows.stride[i] + windows.spans[i] - size - windows.padding[i]
        ends.append(max(reached, 0))
    return ends
