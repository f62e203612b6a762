"""Fast path of `ThresholdRule` on GPUs: Triton kernels that select the same units as by sorting.

A long row (one sample of one activation) is read once. A pseudo-random sample of its scores
proposes two bounds that enclose the threshold. One pass masks the gradient as if the upper bound
were the threshold, counts the scores above it and collects the few scores between the bounds. The
threshold is one of these few, found exactly by its rank, and they are masked again. If the bounds
do not enclose the threshold, or too many scores are between them, the whole row is ranked. Short
rows are always ranked as a whole.

Ranks are counted in integers, so the result does not depend on the order of the threads. Nothing
waits for the GPU, so the kernels can be captured in a CUDA graph.
"""

import math
from collections.abc import Mapping
from functools import lru_cache

import torch
import triton
from torch import Tensor

from captum_rectgrad.rules import triton_kernels as kernels
from captum_rectgrad.rules.scores import ScoreName
from captum_rectgrad.rules.threshold import nearest_rank

DTYPES = frozenset({torch.float32, torch.float16, torch.bfloat16})
# Rows with at most this number of units are ranked as a whole.
SHORT = 8192
SAMPLE = 4096  # scores in the sample of a row
MANY = 1 << 20  # units of a row whose sample is twice as large
MARGIN = 4.5  # distance of the bounds from the threshold, in standard deviations of its rank
SPARE = 2.0  # room for collected scores, as a multiple of their expected number
BLOCK, WARPS = 2048, 8  # of one program
PART = 512  # units of one program of `split`, of one warp, which needs no barriers
MIN_BLOCK = 256


def mask_above_percentile(
    name: ScoreName,
    percentile: float,
    activation: Tensor,
    grad_output: Tensor,
    out: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The gradient, with zeros where the score does not exceed the sample's percentile.

    Args:
        name: name of the score.
        percentile: percentile in [0, 100].
        activation: activation `(N, ...)`, of one of `DTYPES`.
        grad_output: output gradient, of the same shape, of one of `DTYPES`.
        out: tensor like `grad_output` to overwrite with the result, or None.

    Returns:
        The masked gradient, of the shape and dtype of `grad_output`, and the number of units of
        each sample that passed, `(N,)`, int32.
    """
    activation = activation.detach().resolve_neg()
    layout = _memory_format(activation)
    activation = activation.contiguous(memory_format=layout)
    grad_output = grad_output.detach().resolve_neg().contiguous(memory_format=layout)
    if (
        out is None
        or out.dtype is not grad_output.dtype
        or not out.is_contiguous(memory_format=layout)
    ):
        out = torch.empty_like(grad_output, memory_format=layout)
    rows = len(grad_output)
    units = grad_output.numel() // rows
    rank = units - 1 - nearest_rank(units, percentile)  # from the largest
    with torch.cuda.device_of(grad_output):  # type: ignore[no-untyped-call]
        if units <= SHORT:
            passed = torch.empty(rows, dtype=torch.int32, device=grad_output.device)
            block = max(MIN_BLOCK, min(BLOCK, triton.next_power_of_2(units)))
            kernels.short_rows[(rows,)](
                activation, grad_output, out, passed, units, rank, name, block, num_warps=WARPS
            )
            return out, passed
        return out, _long_rows(name, activation, grad_output, out, rank)


def _long_rows(
    name: ScoreName, activation: Tensor, grad_output: Tensor, out: Tensor, rank: int
) -> Tensor:
    rows = len(grad_output)
    units = grad_output.numel() // rows
    sample = SAMPLE if units < MANY else 2 * SAMPLE
    high, low, room = _bounds(units, rank, sample)
    work = torch.empty(rows, kernels.WORDS + 2 * room, dtype=torch.int32, device=grad_output.device)
    parts = triton.cdiv(units, PART)
    kernels.propose[(rows,)](
        activation, grad_output, work, units, room, high, low, name, sample, num_warps=WARPS
    )
    kernels.split[(parts, rows)](
        activation, grad_output, out, work, units, room, name, PART, num_warps=1
    )
    kernels.finish[(rows,)](
        activation, grad_output, out, work, units, room, rank, name, 2 * BLOCK, num_warps=16
    )
    return work[:, kernels.PASSED]


@lru_cache(maxsize=1024)
def _bounds(units: int, rank: int, sample: int) -> tuple[int, int, int]:
    """The ranks of the bounds in the sample, and the room for the scores between them."""
    share = (rank + 0.5) / units
    spread = MARGIN * math.sqrt(sample * share * (1 - share)) + 1
    high = max(math.floor(sample * share - spread), 0)
    low = min(math.ceil(sample * share + spread), sample - 1)
    room = math.ceil(SPARE * units * (low - high + 1) / sample)
    return high, low, min(room, units)


def _memory_format(tensor: Tensor) -> torch.memory_format:
    """A memory format in which each sample is one block of memory, if possible the tensor's own."""
    own = _CHANNELS_LAST.get(tensor.dim())
    if own is not None and not tensor.is_contiguous() and tensor.is_contiguous(memory_format=own):
        return own
    return torch.contiguous_format


_CHANNELS_LAST: Mapping[int, torch.memory_format] = {
    4: torch.channels_last,
    5: torch.channels_last_3d,
}
