"""Operations after which dimension 0 of a tensor may no longer be the samples."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

VIEWS = {"transpose", "swapaxes", "swapdims", "permute", "movedim", "moveaxis", "t", "adjoint"}
VIEWS |= {"T", "H", "mT", "mH"}


def may_move_samples(
    name: str, args: Sequence[Any], kwargs: Mapping[str, Any], output: object
) -> bool:
    """Whether this call may have put another dimension first.

    Args:
        name: of the function.
        args: its positional arguments.
        kwargs: its keyword arguments.
        output: what it returned.
    """
    if name == "einsum":
        return True
    if name == "stack":
        return bool((args[1] if len(args) > 1 else kwargs.get("dim", 0)) == 0)
    x = args[0] if args else kwargs.get("input")
    if name in VIEWS and isinstance(x, Tensor) and isinstance(output, Tensor):
        return (x.shape[:1], x.stride()[:1]) != (output.shape[:1], output.stride()[:1])
    return False
