"""Fast path of `ThresholdRule` on CPUs: the same units as by sorting, found faster.

Scores are computed sample by sample, so they stay in the cache and are never all in memory. Most of
them are zero or negative, so a high percentile is found among the positive ones alone.
`benchmarks/attribution` records what this saves beside `Tensor.topk`.
"""

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from captum_rectgrad.rules.scores import ScoreName, score
from captum_rectgrad.rules.threshold import nearest_rank

# With fewer units in a sample, or numbers in a batch, the calls take longer than the work.
MIN_UNITS, MIN_NUMBERS = 8192, 32768


def mask_above_percentile(
    name: ScoreName,
    percentile: float,
    activation: Tensor,
    grad_output: Tensor,
    out: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The gradient where the score exceeds the sample's percentile, elsewhere 0.

    Args:
        name: of the score.
        percentile: in [0, 100].
        activation: `(N, ...)`, on the CPU.
        grad_output: of the same shape.
        out: a tensor like `grad_output` that may be overwritten with the result, or None.

    Returns:
        The masked gradient, of the shape and dtype of `grad_output`; and whether any unit of a
        sample passed, `(N,)`, boolean.
    """
    # NumPy does not know signs that PyTorch has only noted, as behind a complex conjugate.
    activation, grad_output = activation.detach().resolve_neg(), grad_output.resolve_neg()
    result = torch.empty_like(grad_output) if out is None else out
    rank = nearest_rank(grad_output[0].numel(), percentile)
    passed = []
    for values, gradient, masked in zip(activation, grad_output, result, strict=True):
        scores = score(name, values, gradient)
        threshold, largest = _threshold_and_largest(scores, rank)
        if math.isnan(largest):  # NaN exceeds nothing
            scores = scores.nan_to_num(-math.inf, math.inf, -math.inf)
            largest = float(scores.max())
        passed.append(largest > threshold)
        if scores.dtype == gradient.dtype and not math.isnan(threshold):
            # The backward of a ReLU is the same operation.
            torch.ops.aten.threshold_backward.grad_input(
                gradient, scores, threshold, grad_input=masked
            )
        else:
            torch.where(scores > threshold, gradient, gradient.new_zeros(()), out=masked)
    return result, torch.tensor(passed)


def number_of_rank(numbers: NDArray[np.floating[Any]], rank: int) -> float:
    """The number at a rank.

    Args:
        numbers: `(count,)`, without NaN.
        rank: from 0, of the smallest, to `count - 1`.

    Returns:
        One of the numbers; of a zero the sign may be lost.
    """
    not_below = numbers.size - rank
    positive = numbers[np.flatnonzero(numbers > 0)]
    if positive.size >= not_below:
        positive.partition(positive.size - not_below)
        return float(positive[positive.size - not_below])
    if np.count_nonzero(numbers >= 0) >= not_below:
        return 0.0
    return float(np.sort(numbers)[rank])


def _threshold_and_largest(scores: Tensor, rank: int) -> tuple[float, float]:
    """The score of a rank, and the largest; NaN counts as the largest, as for PyTorch."""
    channels_last = scores.movedim(0, -1)
    in_memory_order = channels_last if channels_last.is_contiguous() else scores
    numbers = in_memory_order.flatten().numpy()
    largest = float(numbers.max())
    if math.isnan(largest):
        return float(np.sort(numbers)[rank]), largest
    return number_of_rank(numbers, rank), largest
