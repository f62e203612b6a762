"""ReLU spelled out: `torch.maximum(z, 0)`, `torch.where(z > 0, z, 0)`, `z * (z > 0)`, and so on.

A mask is known by where it comes from, a comparison of that very `z` with zero, and not by its
values: those would depend on the batch. Zeros are known by where they come from too, or where they
are one number.
"""

import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

# max(z, dim) is another function: it has no second tensor.
LARGER = {"maximum", "max", "fmax"}
PRODUCTS = {"mul", "multiply"}
SPELLINGS = {*LARGER, *PRODUCTS, "where", "masked_fill"}

# Whether what is true are the positive elements (zero itself makes no difference).
COMPARISONS = {"gt": True, "ge": True, "lt": False, "le": False}
COMPARISONS |= {"greater": True, "greater_equal": True, "less": False, "less_equal": False}
CONVERSIONS = {"to", "type", "type_as", "float", "double", "half", "bfloat16", "int", "bool"}
ZEROS = {"zeros", "zeros_like", "new_zeros"}

# Attributes of tensors that the model made in this pass.
_MASK, _ZEROS = "_rectgrad_mask", "_rectgrad_zeros"


@dataclass(frozen=True)
class _Mask:
    """Where a mask comes from.

    Attributes:
        z: the tensor that was compared with zero.
        changes: how often that had been changed in place.
        positive: whether the mask is true where it is positive, or where it is negative.
    """

    z: "weakref.ref[Tensor]"
    changes: int
    positive: bool

    def of(self, z: Tensor) -> bool:
        return self.z() is z and z._version == self.changes  # noqa: SLF001


def note_origin(name: str, args: Sequence[Any], output: Any) -> None:
    """Note of a tensor that it marks where another is positive, or is zero.

    Args:
        name: of the function that made it.
        args: positional arguments of the call; for a tensor's method, the tensor first.
        output: what it returned.
    """
    if not isinstance(output, Tensor):
        return
    x, other = (*args, None, None)[:2]
    if name in COMPARISONS and isinstance(x, Tensor) and x.requires_grad and _zero(other):
        mask = _Mask(weakref.ref(x), x._version, COMPARISONS[name])  # noqa: SLF001
        setattr(output, _MASK, mask)
    elif name in CONVERSIONS and hasattr(x, _MASK):
        setattr(output, _MASK, getattr(x, _MASK))
    elif name in ZEROS:
        setattr(output, _ZEROS, output._version)  # noqa: SLF001


def relu_operand(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Tensor | None:
    """The `z` of which this call computes `max(z, 0)`, if that is what it computes.

    Args:
        name: of the function, without the underscores of its in-place form.
        args: positional arguments of the call; for a tensor's method, the tensor first.
        kwargs: its keyword arguments.
    """
    values = [*args, *kwargs.values()]
    operands = [value for value in values if isinstance(value, Tensor) and value.requires_grad]
    if name not in SPELLINGS or len(operands) != 1:
        return None
    z = operands[0]
    others = [value for value in values if value is not z]
    if name in LARGER:
        same = len(others) == 1 and isinstance(others[0], Tensor) and _zero(others[0], z)
    elif name in PRODUCTS:
        same = len(others) == 1 and _marks(others[0], z) is True
    elif len(others) == 2:  # noqa: PLR2004
        # where(mask, z, 0), where(mask, 0, z) and masked_fill(z, mask, 0), in this order.
        mask, zero = (others[1], others[0]) if _marks(others[0], z) is None else others
        last = values[-1] is zero
        kept = name == "where" and last
        same = _zero(zero, z) and _marks(mask, z) is kept
    else:
        same = False
    return z if same else None


def _zero(value: Any, z: Tensor | None = None) -> bool:
    """Whether it is zero all over, and does not change the shape of `z`."""
    if not isinstance(value, Tensor):
        return isinstance(value, int | float) and value == 0
    known = getattr(value, _ZEROS, None) == value._version  # noqa: SLF001
    if not known and value.numel() == 1:
        known = bool(value == 0)
    return known and (z is None or (z.detach() + value).shape == z.shape)


def _marks(mask: Any, z: Tensor) -> bool | None:
    """True where it marks what is positive in `z`, False what is negative, None otherwise."""
    origin = getattr(mask, _MASK, None)
    if not isinstance(origin, _Mask) or not origin.of(z) or mask.shape != z.shape:
        return None
    return origin.positive
