"""What passes above a percentile of a sample's scores, on a CPU: sooner than by PyTorch.

Scores are computed sample by sample: they stay in the cache and are never all in memory. PyTorch
would be slower at finding the threshold among them (`kthvalue`, `topk`).
"""

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor

from captum_rectgrad.order_statistic import Floats, Integers, ascending, number_of_rank

Product = Callable[[Floats, Floats], Floats]
# From the activations and gradients of some units, `(units,)`, to their scores, by way of the
# product of the two, if they need it.
Score = Callable[[Floats, Floats, Product], Floats]

_ENOUGH = 2048  # units of a sample: with fewer, the calls take longer than the work
_IN_CACHE = 2**18  # units: a megabyte, which fits into the second cache of a processor
_IMAGES = 4  # dimensions of a batch of feature maps


def is_worthwhile(units: int) -> bool:
    """Whether samples are large enough to be looked at one by one.

    Args:
        units: of a sample.
    """
    return units >= _ENOUGH


def pass_above_rank(
    score: Score,
    rank: int,
    activation: Tensor,
    gradient: Tensor,
    samples: int,
    empty_like: Callable[[Tensor], Tensor],
    finish: Callable[[Tensor], None],
) -> tuple[Tensor, Tensor]:
    """The gradient where the score exceeds the one of a rank in the sample, elsewhere 0.

    Args:
        score: of units, in float32 or float64 as they are given.
        rank: from 0, of the smallest score, to the number of units less one.
        activation: `(N, ...)`, or any shape if there is but one sample; on the CPU.
        gradient: of that shape.
        samples: `N`.
        empty_like: makes the tensor of what passes, as `torch.empty_like` does.
        finish: may change what passes; gets some samples at a time, while they are in the cache.

    Returns:
        What passes, of the gradient's shape and dtype; and whether any unit did, `(N,)`.
    """
    activations, gradients, restored = _rows(activation, gradient, samples)
    result = empty_like(gradients)
    wide = torch.promote_types(torch.promote_types(activation.dtype, gradient.dtype), torch.float32)
    a, r = _arrays(activations, wide), _arrays(gradients, wide)
    arriving, passing = gradients.unbind(), result.unbind()
    passed = np.zeros(samples, dtype=np.bool_)
    units = activations.shape[1]
    like = torch.empty(0, dtype=wide).numpy()
    lowest = ascending(units, like.dtype)
    whole, finished, together = restored(result), 0, max(_IN_CACHE // units, 1)
    product = partial(np.multiply, out=np.empty(units, like.dtype))
    keys = np.empty_like(lowest)
    # One after the other: threads of Python would have to share the processors with those of
    # PyTorch, which go on waiting for work for some time before they sleep.
    for sample in range(samples):
        with np.errstate(all="ignore"):  # PyTorch does not warn either
            scores = score(a(sample), r(sample), product)
        scores, threshold, largest = _threshold(scores, rank, lowest, keys)
        _pass_above(threshold, torch.from_numpy(scores), arriving[sample], passing[sample])
        passed[sample] = largest > threshold
        if sample + 1 - finished >= together or sample + 1 == samples:
            # Alone, a sample may have any shape.
            finish(whole[finished : sample + 1] if samples > 1 else whole)
            finished = sample + 1
    return whole, torch.from_numpy(passed)


def _threshold(
    scores: Floats, rank: int, lowest: Integers, keys: Integers
) -> tuple[Floats, float, float]:
    """The scores, where NaN becomes what no threshold lets pass; the one of the rank; the largest.

    In the order of ranks NaN is the largest, as for NumPy.
    """
    largest = float(scores.max())
    if not math.isnan(largest):
        return scores, number_of_rank(scores, rank, lowest, keys), largest
    comparable = np.where(np.isnan(scores), -math.inf, scores)
    return comparable, float(np.sort(scores)[rank]), float(comparable.max())


def _pass_above(threshold: float, scores: Tensor, arriving: Tensor, passing: Tensor) -> None:
    if scores.dtype == arriving.dtype and not math.isnan(threshold):
        # The backward of a ReLU is this very operation.
        torch.ops.aten.threshold_backward.grad_input(
            arriving, scores, threshold, grad_input=passing
        )
    else:
        torch.where(scores > threshold, arriving, arriving.new_zeros(()), out=passing)


def _rows(
    activation: Tensor, gradient: Tensor, samples: int
) -> tuple[Tensor, Tensor, Callable[[Tensor], Tensor]]:
    """Both as `(N, units)`, without copies where that can be; and the way back to their shape.

    The order of the units does not matter, so it is that of the memory.
    """
    # A sign that is only noted NumPy knows nothing of.
    activation, gradient = activation.resolve_neg(), gradient.resolve_neg()
    last = activation.dim() == _IMAGES and activation.is_contiguous(
        memory_format=torch.channels_last
    )
    if last:
        activation, gradient = activation.movedim(1, -1), gradient.movedim(1, -1)
    shape = gradient.shape

    def restored(rows: Tensor) -> Tensor:
        tensor = rows.view(shape)
        return tensor.movedim(-1, 1) if last else tensor

    return activation.reshape(samples, -1), gradient.reshape(samples, -1), restored


def _arrays(rows: Tensor, wide: torch.dtype) -> Callable[[int], Floats]:
    """The rows by number, in another dtype: one at a time, if they are not in it yet."""
    if rows.dtype == wide:
        array: Floats = rows.numpy()
        return array.__getitem__
    return lambda row: rows[row].to(wide).numpy()
