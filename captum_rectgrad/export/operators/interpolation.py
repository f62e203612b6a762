"""Linear operations along height and width: interpolation and adaptive average pooling.

Each is a product with two matrices, `rows x columns`, which are found by applying the operation to
unit vectors. Its gradient is the product with the transposed matrices.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from captum_rectgrad.export.graph_writer import Dims, GraphWriter, Value
from captum_rectgrad.export.operators.registry import (
    TRANSLATIONS,
    UnsupportedOperatorError,
    translates,
)
from captum_rectgrad.export.sizes import Size

# From images and an output size to images of that size.
Resize = Callable[[Tensor, Sequence[int]], Tensor]


@translates("_adaptive_avg_pool2d")
def adaptive_average_pool(w: GraphWriter, x: Value, _: object) -> Any:
    """Adaptive average pooling."""
    return _resized(w, x, w.result[0][0], _averages)


@translates("_adaptive_avg_pool2d_backward")
def adaptive_average_pool_backward(w: GraphWriter, grad: Value, x: Value) -> Any:
    """Gradient of adaptive average pooling."""
    return _spread(w, grad, x.shape, _averages)


def _averages(x: Tensor, size: Sequence[int]) -> Tensor:
    return F.adaptive_avg_pool2d(x, (size[0], size[1]))


def _upsample(name: str, w: GraphWriter, x: Value, _: object, *settings: Any) -> Any:
    return _resized(w, x, w.result[0][0], _operator(name, settings))


def _upsample_backward(
    name: str, w: GraphWriter, grad: Value, _: object, shape: Dims, *settings: Any
) -> Any:
    return _spread(w, grad, tuple(shape), _operator(name, settings))


def _operator(name: str, settings: Sequence[Any]) -> Resize:
    operator = getattr(torch.ops.aten, name).default
    return lambda x, size: operator(x, size, *settings)


for _mode in ("upsample_bicubic2d", "upsample_bilinear2d", "upsample_nearest2d"):
    TRANSLATIONS[_mode] = partial(_upsample, _mode)
    TRANSLATIONS[f"{_mode}_backward"] = partial(_upsample_backward, _mode)


@translates("_unsafe_index")
def elements_of_grid(w: GraphWriter, x: Value, indices: Sequence[Value | None]) -> Any:
    """Rows `(rows, 1)` and columns `(columns,)`: so PyTorch 2.6 records the mode "nearest"."""
    *leading, rows, columns = indices
    if any(leading) or not (rows and columns and (rows.shape[1:], columns.shape[1:]) == ((1,), ())):
        raise UnsupportedOperatorError(["aten._unsafe_index.Tensor other than of rows and columns"])
    chosen = w.add("Gather", x.name, w.add("Reshape", rows.name, w.ints([-1])), axis=-2)
    return w.add("Gather", chosen, columns.name, axis=-1)


def _resized(w: GraphWriter, x: Value, output: Dims, resize: Resize) -> str:
    rows, columns = _matrices(x.shape, output, resize)
    left, right = w.constant(rows.T.numpy(), x.dtype), w.constant(columns.numpy(), x.dtype)
    return str(w.add("MatMul", w.add("MatMul", left, x.name), right))


def _spread(w: GraphWriter, grad: Value, shape: Dims, resize: Resize) -> str:
    rows, columns = _matrices(shape, grad.shape, resize)
    left, right = w.constant(rows.numpy(), grad.dtype), w.constant(columns.T.numpy(), grad.dtype)
    return str(w.add("MatMul", w.add("MatMul", left, grad.name), right))


def _matrices(shape: Dims, output: Dims, resize: Resize) -> tuple[Tensor, Tensor]:
    """Matrices `(rows, rows_out)` and `(columns, columns_out)`.

    The operation is applied to all unit vectors along one dimension, constant along the other.
    """
    sizes = (*shape[-2:], *output[-2:])
    height, width, rows, columns = (0 if isinstance(size, Size) else size for size in sizes)
    if any(isinstance(size, Size) for size in sizes):
        raise UnsupportedOperatorError(["interpolation of a changing size"], is_of_size=True)
    vertical = torch.eye(height)[None, :, :, None].expand(-1, -1, -1, width)
    horizontal = torch.eye(width)[None, :, None, :].expand(-1, -1, height, -1)
    size = (rows, columns)
    return resize(vertical, size)[0, :, :, 0], resize(horizontal, size)[0, :, 0, :]
