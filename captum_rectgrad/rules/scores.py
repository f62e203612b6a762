"""Importance scores of the units of an activation (Kim et al. 2019, section 4.1 and appendix B)."""

from typing import Literal

import torch
from torch import Tensor

ScoreName = Literal["PR1", "PR2", "PR3", "PR4"]
_WIDE = {torch.float32, torch.float64}


def score(name: ScoreName, activation: Tensor, grad_output: Tensor) -> Tensor:
    """Score of every unit under one of the paper's propagation rules (appendix B.1).

    Args:
        name: `"PR1"`: `a * R_out`; `"PR2"`: its absolute value; `"PR3"`: `a`; `"PR4"`: `R_out`.
        activation: activation `a` of any shape, floating point.
        grad_output: output gradient `R_out`, of the same shape.

    Returns:
        Scores of the same shape, in float64 if an operand is float64, otherwise in float32.
        Products in half precision overflow and have ties.
    """
    if activation.dtype is not grad_output.dtype or activation.dtype not in _WIDE:
        dtype = torch.promote_types(activation.dtype, grad_output.dtype)
        dtype = torch.promote_types(dtype, torch.float32)
        activation, grad_output = activation.to(dtype), grad_output.to(dtype)
    if name == "PR3":
        return activation
    if name == "PR4":
        return grad_output
    product = activation * grad_output
    return product.abs() if name == "PR2" else product
