"""Fast path of `ThresholdRule` on CPUs: the same units as by sorting, found faster.

Scores are computed sample by sample, so they stay in the cache and are never all in memory. Most of
them are zero or negative, so a high percentile is found among the positive ones alone.
`benchmarks/attribution` records what this saves beside `Tensor.topk`.
"""

import math
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from captum_rectgrad.rules.scores import ScoreName, score_dtype, score_of
from captum_rectgrad.rules.threshold import nearest_rank

Floats: TypeAlias = NDArray[np.floating[Any]]

# Of a sample and of a batch: with fewer, the calls take longer than the work.
MIN_UNITS, MIN_NUMBERS = 8192, 32768
_IMAGES = 4  # dimensions of a batch of feature maps


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
    result = target = torch.empty_like(grad_output) if out is None else out
    if grad_output.dim() == _IMAGES and grad_output.is_contiguous(
        memory_format=torch.channels_last
    ):
        # The order of the units does not matter, so it is that of the memory.
        activation, grad_output = activation.movedim(1, -1), grad_output.movedim(1, -1)
        target = result.movedim(1, -1)
    samples, dtype = len(grad_output), score_dtype(activation, grad_output)
    activations, gradients = activation.reshape(samples, -1), grad_output.reshape(samples, -1)
    masked = target.view(samples, -1) if target.is_contiguous() else torch.empty_like(gradients)
    rank = nearest_rank(gradients.shape[1], percentile)
    scratch = torch.empty(gradients.shape[1], dtype=dtype).numpy()
    passed = np.zeros(samples, dtype=np.bool_)
    with np.errstate(all="ignore"):  # PyTorch does not warn either
        for sample in range(samples):
            scores = score_of(
                name,
                activations[sample].to(dtype).numpy(),
                gradients[sample].to(dtype).numpy(),
                partial(np.multiply, out=scratch),
            )
            scores, threshold, largest = _threshold(scores, rank)
            _mask(torch.from_numpy(scores), threshold, gradients[sample], masked[sample])
            passed[sample] = largest > threshold
    if not target.is_contiguous():
        target.copy_(masked.view(target.shape))
    return result, torch.from_numpy(passed)


def number_of_rank(numbers: Floats, rank: int) -> float:
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


def _threshold(scores: Floats, rank: int) -> tuple[Floats, float, float]:
    """The scores, with NaN replaced by -inf; the score of a rank; the largest.

    NaN counts as the largest, as for NumPy and PyTorch; no score exceeds it.
    """
    largest = float(scores.max())
    if not math.isnan(largest):
        return scores, number_of_rank(scores, rank), largest
    comparable = np.where(np.isnan(scores), -math.inf, scores)
    return comparable, float(np.sort(scores)[rank]), float(comparable.max())


def _mask(scores: Tensor, threshold: float, grad_output: Tensor, out: Tensor) -> None:
    if scores.dtype == grad_output.dtype and not math.isnan(threshold):
        # The backward of a ReLU is the same operation.
        torch.ops.aten.threshold_backward.grad_input(grad_output, scores, threshold, grad_input=out)
    else:
        torch.where(scores > threshold, grad_output, grad_output.new_zeros(()), out=out)
