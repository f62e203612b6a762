"""An ONNX graph under construction."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import combinations_with_replacement
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from captum_rectgrad.export.sizes import Size

if TYPE_CHECKING:
    from numpy.typing import NDArray

OPSET = 18
_FACTORS = (1, 2, 3)  # of a number of elements: batch, height and width
TYPES: dict[torch.dtype, int] = {
    torch.float32: TensorProto.FLOAT,
    torch.float64: TensorProto.DOUBLE,
    torch.float16: TensorProto.FLOAT16,
    torch.int64: TensorProto.INT64,
    torch.int32: TensorProto.INT32,
    torch.uint8: TensorProto.UINT8,
    torch.bool: TensorProto.BOOL,
}
Dims = tuple[int | Size, ...]


@dataclass(frozen=True)
class Value:
    """A tensor of the graph.

    Attributes:
        name: its name in the ONNX graph.
        shape: its shape, with a `Size` for numbers that depend on the inputs.
        dtype: its type.
        constant: its value, if it is a constant of the model.
        zero: whether all its elements are zero.
        border: by dimension, whether the first and the last element are still to be set to zero.
    """

    name: str
    shape: Dims
    dtype: torch.dtype
    constant: Tensor | None = None
    zero: bool = False
    border: tuple[tuple[int, bool, bool], ...] = ()


@dataclass
class GraphWriter:
    """Writes nodes and constants.

    Attributes:
        result: shapes and types of the results of the operation that is being translated.
        in_order: whether its first argument lies in memory in the order of its elements.
        nodes: nodes in order.
        constants: constants by name.
        taken: names of tensors that exist, which no other tensor gets.
    """

    result: list[tuple[Dims, torch.dtype]] = field(default_factory=list)
    in_order: bool = True
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: dict[str, onnx.TensorProto] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    _places: dict[tuple[int, ...], tuple[str, int]] = field(default_factory=dict)
    _sizes: dict[tuple[int, ...], str] = field(default_factory=dict)
    _by_content: dict[tuple[str, tuple[int, ...], bytes], str] = field(default_factory=dict)
    _count: int = 0

    def add(self, operator: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        """Add a node.

        Args:
            operator: name of a standard operator.
            *inputs: names of tensors; empty for an optional input that is left out.
            outputs: number of outputs.
            **attributes: attributes of the node.

        Returns:
            The name of its output, or a list of names.
        """
        self._count += 1
        name = f"{operator.lower()}_{self._count}"
        names = [self._new_name(f"{name}_{i}" if i else name) for i in range(outputs)]
        self.nodes.append(helper.make_node(operator, inputs, names, **attributes))
        return names[0] if outputs == 1 else names

    def constant(self, values: Any, dtype: torch.dtype | None = None, name: str = "") -> str:
        """Add a constant; equal constants are stored once.

        Args:
            values: a number, a sequence or an array.
            dtype: its type; None for that of the array, int64 for integers.
            name: its name, which gets a number if another tensor has it; empty for any.

        Returns:
            Its name.
        """
        array: NDArray[Any] = np.asarray(values)
        if dtype is not None:
            array = array.astype(torch.empty(0, dtype=dtype).numpy().dtype)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._by_content:
            name = self._new_name(name or f"constant_{len(self.constants)}")
            self._by_content[key] = name
            self.constants[name] = numpy_helper.from_array(array.copy(order="C"), name)
        return self._by_content[key]

    def _new_name(self, wanted: str) -> str:
        name, number = wanted, 1
        while name in self.taken:
            number += 1
            name = f"{wanted}__{number}"
        self.taken.add(name)
        return name

    def cast(self, value: Value, dtype: torch.dtype) -> str:
        """The name of a tensor of another type."""
        if value.dtype is dtype:
            return value.name
        return str(self.add("Cast", value.name, to=TYPES[dtype]))

    def number(self, value: "Value | Size | float", dtype: torch.dtype) -> str:
        """The name of a tensor, or of a number, in a type."""
        if isinstance(value, Value):
            return self.cast(value, dtype)
        if isinstance(value, Size):
            return str(self.add("Cast", self.size(value), to=TYPES[dtype]))
        return self.constant(value, dtype)

    def ints(self, numbers: Sequence[int | Size]) -> str:
        """The name of a tensor of integers, such as a shape."""
        if not any(isinstance(number, Size) for number in numbers):
            return self.constant(np.array(numbers, dtype=np.int64))
        parts = [
            self.size(n) if isinstance(n, Size) else self.constant(np.array([n], dtype=np.int64))
            for n in numbers
        ]
        return parts[0] if len(parts) == 1 else str(self.add("Concat", *parts, axis=0))

    def note_sizes(self, value: Value) -> None:
        """Remember a tensor, whose dimensions are sizes that are known when the graph runs."""
        for axis, number in enumerate(value.shape):
            if isinstance(number, Size):
                self._places.setdefault(number.values, (value.name, axis))

    def is_known(self, number: int | Size) -> bool:
        """Whether a number is a constant or a dimension of an earlier tensor."""
        return not isinstance(number, Size) or number.values in self._places

    def size(self, size: Size) -> str:
        """The name of a tensor `(1,)` with a number that depends on the inputs.

        Raises:
            UnknownSizeError: it is no known function of the inputs.
        """
        if size.values not in self._sizes:
            self._sizes[size.values] = self._size(size)
        return self._sizes[size.values]

    def _size(self, size: Size) -> str:
        place = self._places.get(size.values)
        if place is not None:
            name, axis = place
            shape = self.add("Shape", name, start=axis, end=axis + 1)
            return str(shape)
        for count in _FACTORS:
            for factors in combinations_with_replacement(tuple(self._places), count):
                rest = _quotient(size.values, factors)
                if rest:
                    names = [*(self.size(Size(factor)) for factor in factors), self.ints([rest])]
                    return str(reduce(lambda one, other: self.add("Mul", one, other), names))
        raise UnknownSizeError(size)


def _quotient(values: tuple[int, ...], factors: Sequence[tuple[int, ...]]) -> int:
    """The one number that remains after a division by factors, in all recordings, or 0."""
    products = [prod(numbers) for numbers in zip(*factors, strict=True)]
    quotients = {divmod(value, by) for value, by in zip(values, products, strict=True)}
    return quotients.pop()[0] if len(quotients) == 1 and not next(iter(quotients))[1] else 0


class UnknownSizeError(ValueError):
    """A number of the graph depends on the inputs in an unknown way."""

    def __init__(self, size: Size) -> None:
        super().__init__(
            "a number of its operations depends on the shape of the inputs in an unknown way: "
            f"{', '.join(map(str, size.values))} in {len(size.values)} recordings"
        )
        self.size = size
