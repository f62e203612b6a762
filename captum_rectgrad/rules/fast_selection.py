"""The choice of a fast path of `ThresholdRule`: by device, dtype and size."""

import logging
from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

from captum_rectgrad.rules import cpu_selection
from captum_rectgrad.rules.scores import ScoreName

# From the name of a score, a percentile, an activation, its output gradient and a tensor for the
# result (or None) to the masked gradient and what passed; see `cpu_selection`.
Selection = Callable[
    [ScoreName, float, Tensor, Tensor, Tensor | None],
    tuple[Tensor, Tensor],
]
_LOG = logging.getLogger(__name__)


def fast_selection(activation: Tensor, grad_output: Tensor) -> Selection | None:
    """The fast path for an activation and its output gradient; None if there is none."""
    if grad_output.is_cuda:
        if torch.float64 in {activation.dtype, grad_output.dtype}:
            return None
        return _triton_selection(grad_output.device)
    if grad_output.device.type == "cpu" and cpu_selection.is_worth_it(grad_output):
        return cpu_selection.mask_above_percentile
    return None


def has_triton(device: torch.device) -> bool:
    """Whether Triton's kernels run on a device."""
    return device.type == "cuda" and _triton_selection(device) is not None


@lru_cache
def _triton_selection(device: torch.device) -> Selection | None:
    """The path in Triton, if its kernels run on a device."""
    try:
        from captum_rectgrad.rules import triton_selection  # noqa: PLC0415 (optional)

        one = torch.ones(1, 1, device=device)
        triton_selection.mask_above_percentile("PR1", 50.0, one, one)
    # Errors of the import, the compiler or the driver have many types.
    except Exception as error:  # noqa: BLE001
        reason = str(error).partition("\n")[0]
        _LOG.warning(
            "Triton is not usable on %s (%s: %s); units are selected with torch.topk, which is "
            "slower and gives the same result",
            device,
            type(error).__name__,
            reason,
        )
        return None
    return triton_selection.mask_above_percentile
