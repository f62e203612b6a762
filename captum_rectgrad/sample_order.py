"""Operations after which dimension 0 of a tensor may no longer be the samples."""

from typing import Any

from torch import Tensor

VIEWS = {"transpose", "swapaxes", "swapdims", "permute", "movedim", "moveaxis", "t", "adjoint"}
VIEWS |= {"T", "H", "mT", "mH"}


def may_move_samples(name: str, x: object, output: object, kwargs: dict[str, Any]) -> bool:
    """Whether this call may have put another dimension first.

    Args:
        name: of the function.
        x: its first argument.
        output: what it returned.
        kwargs: its keyword arguments.
    """
    if name == "einsum":
        return True
    if name == "stack":
        return bool(kwargs.get("dim", 0) == 0)
    if name in VIEWS and isinstance(x, Tensor) and isinstance(output, Tensor):
        return (x.shape[:1], x.stride()[:1]) != (output.shape[:1], output.stride()[:1])
    return False
