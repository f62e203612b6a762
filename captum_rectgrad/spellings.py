"""ReLU spelled out in arithmetic: `torch.maximum(z, 0)`, `torch.where(z > 0, z, 0)`, `z * (z > 0)`.

Known by the values in one call, which cost a comparison, and only where one operand is a constant.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

# max(z, dim) is another function: it has no second tensor.
LARGER = {"maximum", "max", "fmax"}
SPELLINGS = {*LARGER, "where", "mul", "multiply"}


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
    elif name == "where":
        masks = [value for value in others if isinstance(value, Tensor) and _marks(value, z)]
        # Where z comes last, it is what is left of it that is not positive.
        same = len(others) == 2 and len(masks) == 1 and values[2] is not z  # noqa: PLR2004
        same = same and _zero(next(value for value in others if value is not masks[0]), z)
    else:
        same = len(others) == 1 and isinstance(others[0], Tensor) and _marks(others[0], z)
    return z if same else None


def _zero(value: Any, z: Tensor) -> bool:
    if isinstance(value, Tensor):
        return (z.detach() + value).shape == z.shape and not value.any()
    return isinstance(value, int | float) and value == 0


def _marks(mask: Tensor, z: Tensor) -> bool:
    """Whether it is 1 where z is positive, and 0 elsewhere."""
    return mask.shape == z.shape and torch.equal(mask, (z > 0).to(mask.dtype))
