"""Importance scores of the units of an activation (Kim et al. 2019, section 4.1 and appendix B)."""

from collections.abc import Callable
from typing import Literal, TypeVar, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

ScoreName = Literal["PR1", "PR2", "PR3", "PR4"]
SCORES: tuple[ScoreName, ...] = get_args(ScoreName)
_WIDE = {torch.float32, torch.float64}
Numbers = TypeVar("Numbers", Tensor, NDArray[np.floating])


def score(name: ScoreName, activation: Tensor, grad_output: Tensor) -> Tensor:
    """Score of every unit under one of the paper's propagation rules (appendix B.1).

    Args:
        name: `"PR1"`: `a * R_out`; `"PR2"`: its absolute value; `"PR3"`: `a`; `"PR4"`: `R_out`.
        activation: `a`, any shape, floating point.
        grad_output: `R_out`, of the same shape.

    Returns:
        Scores of that shape, in float32 or, where either operand is float64, float64: the
        product of two half-precision numbers overflows and ties.
    """
    dtype = score_dtype(activation, grad_output)
    if activation.dtype is not dtype or grad_output.dtype is not dtype:
        activation, grad_output = activation.to(dtype), grad_output.to(dtype)
    return score_of(name, activation, grad_output, torch.mul)


def score_dtype(activation: Tensor, grad_output: Tensor) -> torch.dtype:
    """The dtype that scores are computed in."""
    if activation.dtype is grad_output.dtype and activation.dtype in _WIDE:
        return activation.dtype
    dtype = torch.promote_types(activation.dtype, grad_output.dtype)
    return torch.promote_types(dtype, torch.float32)


def score_of(
    name: ScoreName,
    activation: Numbers,
    grad_output: Numbers,
    product: Callable[[Numbers, Numbers], Numbers],
) -> Numbers:
    """The definition of `score`, for tensors and arrays that have the dtype of the scores."""
    if name == "PR1":
        return product(activation, grad_output)
    if name == "PR2":
        return abs(product(activation, grad_output))
    return activation if name == "PR3" else grad_output
