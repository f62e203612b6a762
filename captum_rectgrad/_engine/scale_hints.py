"""Signs of a wrong scale: probabilities as outputs, and images in 0 to 255 as inputs.

Only tensors on the CPU are looked at, since a look at a tensor synchronises a GPU.
"""

import torch
from torch import Tensor
from typing_extensions import TypeIs

from captum_rectgrad._engine.validation import has_concrete_values

_TOLERANCE = 1e-3  # of the sum of probabilities; half precision is summed in float32
_LOGITS_DIMS, _IMAGE_DIMS, _CHANNELS = 2, 4, (1, 3)
_SMALLEST = 16  # pixels a side; Captum's tests have grids of 4 and 10 with integers
_BRIGHT, _BRIGHTEST = 16, 255  # normalised images have smaller values


def are_probabilities(output: object) -> bool:
    """Whether an output looks like the result of a softmax.

    Args:
        output: what the model returned.

    Returns:
        Whether it is a tensor `(N, classes)` on the CPU with at least two classes and rows that
        are non-negative and sum to one. False for a sigmoid, whose sum is near one if it is sure
        of one label.
    """
    if not _is_readable(output, _LOGITS_DIMS) or output.shape[1] == 1:
        return False
    if output.grad_fn is not None and "Sigmoid" in output.grad_fn.name():
        return False
    rows = output.detach()
    # The first row alone is enough for nearly all models that return logits.
    return all(_sum_to_one(part) for part in (rows[:1], rows))


def is_raw_image(tensor: Tensor) -> bool:
    """Whether an input looks like images that are not normalised.

    Args:
        tensor: input of the model.

    Returns:
        Whether it is a tensor `(N, 1 or 3, H, W)` on the CPU with at least 16 pixels a side, whose
        first sample has only integers from 0 to 255, some above 16.
    """
    if not _is_readable(tensor, _IMAGE_DIMS) or tensor.shape[1] not in _CHANNELS:
        return False
    if min(tensor.shape[2:]) < _SMALLEST:
        return False
    first = tensor[0].detach()
    low, high = first.aminmax()
    is_in_range = float(low) >= 0 and _BRIGHT < float(high) <= _BRIGHTEST
    return is_in_range and torch.equal(first, first.round())


def _is_readable(value: object, dims: int) -> TypeIs[Tensor]:
    return (
        isinstance(value, Tensor)
        and value.device.type == "cpu"
        and value.is_floating_point()
        and value.dim() == dims
        and value.numel() > 0
        and has_concrete_values(value)
    )


def _sum_to_one(rows: Tensor) -> bool:
    sums = rows.sum(dim=1, dtype=torch.float32)
    tolerance = max(_TOLERANCE, 2 * torch.finfo(rows.dtype).eps)
    return bool(((sums - 1).abs() < tolerance).all()) and bool((rows >= 0).all())
