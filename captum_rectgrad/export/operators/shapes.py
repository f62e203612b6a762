"""Views, joins, slices and paddings."""

from collections.abc import Sequence
from itertools import zip_longest
from math import prod
from typing import Any

import numpy as np
import torch

from captum_rectgrad.export.graph_writer import TYPES, Dims, GraphWriter, Value
from captum_rectgrad.export.operators.registry import UnsupportedOperatorError, translates
from captum_rectgrad.export.sizes import Size
from captum_rectgrad.rules.padding import MIN_POSITIONS

_END = 2**63 - 1


def reshaped(w: GraphWriter, name: str, shape: Dims, source: Dims = ()) -> str:
    """The tensor in another shape.

    Args:
        w: the graph.
        name: the tensor.
        shape: the shape.
        source: its present shape, if known.
    """
    if 0 not in shape:
        # Of the dimensions that the tensor does not have already, the runtime finds one.
        kept = [
            isinstance(number, Size) and before == number
            for number, before in zip_longest(shape, source[: len(shape)])
        ]
        new = [i for i, n in enumerate(shape) if isinstance(n, Size) and not kept[i]]
        unknown = [i for i in new if not w.is_known(shape[i])]
        inferred = new if len(new) == 1 else unknown[:1]
        shape = tuple(
            -1 if i in inferred else 0 if kept[i] else number for i, number in enumerate(shape)
        )
    return str(w.add("Reshape", name, w.ints(shape)))


@translates("view", "_unsafe_view", "reshape", "unsqueeze", "squeeze", "flatten")
def view(w: GraphWriter, x: Value, *_: object) -> Any:
    """Any view that keeps the order of the elements."""
    shape = w.result[0][0]
    sizes = [number for number in shape if isinstance(number, int)]
    constant = x.constant
    if constant is not None and len(sizes) == len(shape):
        constant = constant.reshape(sizes)
    return Value(
        reshaped(w, x.name, shape, x.shape), shape, x.dtype, constant=constant, zero=x.zero
    )


@translates("as_strided")
def as_strided(
    w: GraphWriter, x: Value, size: Sequence[int | Size], stride: Sequence[int], offset: int = 0
) -> Any:
    """A view by strides, if it keeps the order of the elements."""
    slower = [prod(n if isinstance(n, int) else 0 for n in size[i + 1 :]) for i in range(len(size))]
    steps = zip(size, stride, slower, strict=True)
    keeps_order = all(number == 1 or step == expected for number, step, expected in steps)
    if not (w.in_order and keeps_order) or offset:
        raise UnsupportedOperatorError(["aten.as_strided.default"])
    return view(w, x)


@translates("permute")
def permute(w: GraphWriter, x: Value, dims: Sequence[int]) -> Any:
    """Permutation of dimensions."""
    return w.add("Transpose", x.name, perm=[dim % len(x.shape) for dim in dims])


@translates("t")
def transpose_matrix(w: GraphWriter, x: Value) -> Any:
    """Transposition of a matrix."""
    return permute(w, x, range(len(x.shape))[::-1])


@translates("transpose")
def transpose(w: GraphWriter, x: Value, one: int, other: int) -> Any:
    """Exchange of two dimensions."""
    order = list(range(len(x.shape)))
    order[one], order[other] = order[other], order[one]
    return permute(w, x, order)


@translates("expand", "broadcast_in_dim")
def expand(w: GraphWriter, x: Value, *_: object, **__: object) -> Any:
    """Repetition along dimensions of size 1."""
    return Value(str(w.add("Expand", x.name, w.ints(w.result[0][0]))), *w.result[0], zero=x.zero)


@translates("copy")
def copy(w: GraphWriter, x: Value, source: Value, *_: object) -> Any:
    """The values of another tensor, in the shape and type of the first."""
    name = w.cast(source, x.dtype)
    return name if source.shape == x.shape else w.add("Expand", name, w.ints(x.shape))


@translates("repeat")
def repeat(w: GraphWriter, x: Value, repeats: Sequence[int]) -> Any:
    """Repetition of the whole tensor."""
    lead = (1,) * (len(repeats) - len(x.shape))
    return w.add("Tile", reshaped(w, x.name, (*lead, *x.shape)), w.ints(repeats))


@translates("cat")
def concatenate(w: GraphWriter, tensors: Sequence[Value], dim: int = 0) -> Any:
    """Concatenation; PyTorch ignores empty vectors."""
    dtype = w.result[0][1]
    names = [w.cast(tensor, dtype) for tensor in tensors if tensor.shape != (0,)]
    return w.add("Concat", *names, axis=dim)


@translates("slice")
def take_slice(
    w: GraphWriter,
    x: Value,
    dim: int = 0,
    start: int | Size | None = None,
    end: int | Size | None = None,
    step: int = 1,
) -> Any:
    """Slice along one dimension."""
    bounds: list[list[int | Size]] = [[start or 0], [_END if end is None else end], [dim], [step]]
    return w.add("Slice", x.name, *map(w.ints, bounds))


@translates("select")
def select(w: GraphWriter, x: Value, dim: int, index: int) -> Any:
    """One element along a dimension."""
    return w.add("Gather", x.name, w.constant(np.int64(index)), axis=dim)


@translates("split", "split_with_sizes")
def split(w: GraphWriter, x: Value, _: object, dim: int = 0) -> Any:
    """Parts along a dimension."""
    sizes = [shape[dim] for shape, _ in w.result]
    return w.add("Split", x.name, w.ints(sizes), outputs=len(sizes), axis=dim)


@translates("unbind")
def unbind(w: GraphWriter, x: Value, dim: int = 0) -> Any:
    """The elements along a dimension."""
    return [select(w, x, dim, i) for i in range(len(w.result))]


@translates("roll")
def roll(w: GraphWriter, x: Value, shifts: Sequence[int | Size], dims: Sequence[int] = ()) -> Any:
    """Rotation along dimensions."""
    if not dims:
        raise UnsupportedOperatorError(["roll of all elements"])
    name = x.name
    for shift, dim in zip(shifts, dims, strict=True):
        cut = _cut(w, shift, x.shape[dim])
        if cut != 0:
            at = _joined(w, [cut])
            first = w.add("Slice", name, at, w.ints([_END]), w.ints([dim]))
            second = w.add("Slice", name, w.ints([0]), at, w.ints([dim]))
            name = w.add("Concat", first, second, axis=dim)
    return x if name == x.name else name


def _cut(w: GraphWriter, shift: int | Size, size: int | Size) -> int | str:
    """The position that a rotation moves to the start: a number or the name of a tensor `(1,)`."""
    if isinstance(shift, int) and isinstance(size, int):
        return -shift % size if size else 0
    if shift == 0:
        return 0
    back = -shift
    return str(w.add("Mod", w.ints([back]), w.ints([size])))  # has the sign of the size


@translates("flip")
def flip(w: GraphWriter, x: Value, dims: Sequence[int]) -> Any:
    """Reversal along dimensions."""
    return reversed_along(w, x.name, dims)


def reversed_along(w: GraphWriter, name: str, dims: Sequence[int]) -> str:
    """The tensor in reverse order along dimensions."""
    bounds = [[-1] * len(dims), [-_END] * len(dims), list(dims), [-1] * len(dims)]
    return str(w.add("Slice", name, *map(w.ints, bounds)))


@translates("constant_pad_nd")
def pad(w: GraphWriter, x: Value, pads: Sequence[int], value: float = 0) -> Any:
    """Padding; negative numbers crop."""
    rank = len(x.shape)
    begins, ends = [0] * rank, [0] * rank
    for i in range(len(pads) // 2):
        begins[rank - 1 - i], ends[rank - 1 - i] = pads[2 * i], pads[2 * i + 1]
    return padded(w, x.name, begins, ends, w.constant(value, x.dtype))


def padded(
    w: GraphWriter, name: str, begins: Sequence[int | Size], ends: Sequence[int | Size], value: str
) -> str:
    """The tensor with elements added before and after; negative numbers remove elements."""
    return str(w.add("Pad", name, w.ints([*begins, *ends]), value))


@translates("select_scatter")
def select_scatter(w: GraphWriter, x: Value, source: Value, dim: int, index: int) -> Any:
    """Replacement of one element along a dimension.

    The padding trick sets the first and the last element to zero. Such replacements are collected
    and written as one crop and one padding, see `with_border`.
    """
    dim %= len(x.shape)
    size = x.shape[dim]
    is_last = index == -1 or (isinstance(size, int) and index == size - 1)
    if source.zero and (index == 0 or is_last):
        border = {d: (first, last) for d, first, last in x.border}
        first, last = border.get(dim, (False, False))
        border[dim] = (first or index == 0, last or is_last)
        kept = tuple((d, *ends) for d, ends in sorted(border.items()))
        return Value(x.name, x.shape, x.dtype, border=kept)
    x = with_border(w, x)
    if isinstance(size, int):
        index %= size
    part = w.add("Unsqueeze", source.name, w.ints([dim]))
    return _spliced(w, x, part, dim, index, None if index == -1 else index + 1)


@translates("slice_scatter")
def slice_scatter(
    w: GraphWriter,
    x: Value,
    source: Value,
    dim: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
) -> Any:
    """Replacement of a slice."""
    size = x.shape[dim]
    if isinstance(size, Size):
        if start or (end is not None and end != _END) or step != 1:
            raise UnsupportedOperatorError(
                ["slice_scatter along a dimension of changing size"], is_of_size=True
            )
        return source
    start, end, _ = slice(start, end).indices(size)
    if step != 1:  # by index, from the elements of both
        places = np.arange(size)
        places[start:end:step] = size + np.arange(len(places[start:end:step]))
        both = w.add("Concat", x.name, source.name, axis=dim)
        return w.add("Gather", both, w.constant(places), axis=dim)
    if (start, end) == (0, size):
        return source
    return _spliced(w, x, source.name, dim, start, end)


def _spliced(w: GraphWriter, x: Value, part: str, dim: int, start: int, end: int | None) -> str:
    """`x` with the elements from `start` to `end` along a dimension replaced."""
    size = x.shape[dim]
    end = _END if end is None else end
    if x.zero and isinstance(size, int):
        begins, ends = [0] * len(x.shape), [0] * len(x.shape)
        begins[dim], ends[dim] = start % size, max(size - end, 0)
        return padded(w, part, begins, ends, w.constant(0, x.dtype))
    pieces = [w.add("Slice", x.name, *map(w.ints, ([0], [start], [dim], [1])))]
    pieces += [part, w.add("Slice", x.name, *map(w.ints, ([end], [_END], [dim], [1])))]
    return str(w.add("Concat", *pieces, axis=dim))


def with_border(w: GraphWriter, x: Value) -> Value:
    """A tensor whose border is set to zero, by one crop and one padding.

    Dimensions of a free size keep their border where the padding trick leaves them alone.
    """
    if not x.border:
        return x
    dims = [dim for dim, *_ in x.border]
    firsts: list[str | int] = [0] * len(x.shape)
    lasts: list[str | int] = [0] * len(x.shape)
    stops: list[str | int] = []
    for dim, first, last in x.border:
        size = x.shape[dim]
        firsts[dim], lasts[dim] = int(first), int(last)
        if first and last and isinstance(size, Size):
            firsts[dim] = lasts[dim] = width = _width_of_border(w, size)
            stops.append(w.add("Sub", w.size(size), width))
        else:
            stops.append(-1 if last else _END)
    starts = [firsts[dim] for dim in dims]
    inner = w.add("Slice", x.name, _joined(w, starts), _joined(w, stops), w.ints(dims))
    name = w.add("Pad", inner, _joined(w, [*firsts, *lasts]), w.constant(0, x.dtype))
    return Value(str(name), x.shape, x.dtype)


def _width_of_border(w: GraphWriter, size: Size) -> str:
    """1 where a dimension is wide enough for the padding trick, else 0, as a tensor `(1,)`."""
    is_wide = w.add("GreaterOrEqual", w.size(size), w.ints([MIN_POSITIONS]))
    return str(w.add("Cast", is_wide, to=TYPES[torch.int64]))


def _joined(w: GraphWriter, numbers: Sequence[str | int]) -> str:
    """A vector from numbers and names of tensors `(1,)`."""
    known = [number for number in numbers if isinstance(number, int)]
    if len(known) == len(numbers):
        return w.ints(known)
    parts = [w.ints([number]) if isinstance(number, int) else number for number in numbers]
    return parts[0] if len(parts) == 1 else str(w.add("Concat", *parts, axis=0))


@translates("full", "full_like", "new_full", "scalar_tensor", "ones_like", "new_ones", "ones")
def full(w: GraphWriter, *args: Any, **_: object) -> Any:
    """A tensor of one number."""
    numbers = [a for a in args[:3] if isinstance(a, bool | int | float | Size)]
    return filled(w, numbers[0] if numbers else 1)


@translates(
    "zero",
    "zeros_like",
    "new_zeros",
    "zeros",
    "empty_like",
    "new_empty",
    "empty",
    "new_empty_strided",
)
def zeros(w: GraphWriter, *_: object, **__: object) -> Any:
    """A tensor of zeros."""
    return filled(w, 0)


def filled(w: GraphWriter, number: float | Size) -> Value:
    """A tensor of one number, of the shape of the result."""
    shape, dtype = w.result[0]
    name = w.number(number, dtype)
    if isinstance(number, Size):  # a tensor (1,)
        name = str(w.add("Reshape", name, w.ints([])))
    if shape:
        name = str(w.add("Expand", name, w.ints(shape)))
    return Value(name, shape, dtype, zero=not isinstance(number, Size) and number == 0)


@translates("arange")
def arange(w: GraphWriter, *args: Any, **_: object) -> Any:
    """Numbers in a row, of a fixed size."""
    if any(isinstance(number, Size) for number in args):
        raise UnsupportedOperatorError(["arange of a changing size"], is_of_size=True)
    return w.constant(torch.arange(*args).numpy(), w.result[0][1])
