"""The choice of a fast path of `ThresholdRule`: by device, dtype and size."""

import logging
from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

from captum_rectgrad.rules import cpu_selection
from captum_rectgrad.rules.scores import ScoreName
from captum_rectgrad.rules.threshold import ThresholdRule

# From the name of a score, a percentile, an activation, its output gradient and a tensor for the
# result (or None) to the masked gradient and what passed; see `cpu_selection`.
Selection = Callable[
    [ScoreName, float, Tensor, Tensor, Tensor | None],
    tuple[Tensor, Tensor],
]
_RULE = ThresholdRule("PR1", 98.0)
_CHECKED = (1000, 20_000)  # units of a row, below and above `triton_selection.SHORT`
_GOLDEN_RATIO = 0.618034  # its multiples modulo 1 are spread evenly
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
    """Whether Triton's kernels run on a device and are right there."""
    return device.type == "cuda" and _triton_selection(device) is not None


def check_selection(select: Selection, device: torch.device) -> None:
    """Compare a selection with that by sorting, for short and for long rows.

    The kernels are compiled on the machine of the user, perhaps for a GPU that has not been tested.

    Args:
        select: the selection.
        device: the device.

    Raises:
        RuntimeError: it passes other units.
    """
    for units in _CHECKED:
        numbers = (torch.arange(2 * units, device=device) * _GOLDEN_RATIO % 1).view(2, units)
        activation, gradient = (numbers - 0.4).relu(), numbers.flip(1) - 0.5
        found, _ = select("PR1", 98.0, activation, gradient, None)
        kept = _RULE.keep(activation, gradient, is_last=False)
        if not torch.equal(found, torch.where(kept, gradient, 0)):
            raise RuntimeError("its kernels pass other units than sorting")


@lru_cache
def _triton_selection(device: torch.device) -> Selection | None:
    """The path in Triton, if its kernels run on a device and are right there."""
    try:
        from captum_rectgrad.rules import triton_selection  # noqa: PLC0415 (optional)

        check_selection(triton_selection.mask_above_percentile, device)
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
