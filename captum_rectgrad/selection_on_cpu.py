"""What passes above a percentile of a sample's scores, on a CPU: sooner than by PyTorch.

NumPy sorts numbers with the CPU's vector instructions, several times as fast as PyTorch finds one
of them (`kthvalue`, `topk`); so the threshold is taken from all scores of a sample in order. Scores
are computed sample by sample: they stay in the cache and are never all in memory.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Floats: TypeAlias = NDArray[np.floating[Any]]
# From the activations and gradients of some units, `(units,)`, to their scores.
Score = Callable[[Floats, Floats], Floats]

WORTH_THREADS = 2**19  # units of a batch: below, starting threads takes longer than they save
_ENOUGH = 2048  # units of a sample: with fewer, the calls take longer than the work
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
) -> tuple[Tensor, Tensor]:
    """The gradient where the score exceeds the one of a rank in the sample, elsewhere 0.

    Args:
        score: of units, in float32 or float64 as they are given.
        rank: from 0, of the smallest score, to the number of units less one.
        activation: `(N, ...)`, or any shape if there is but one sample; on the CPU.
        gradient: of that shape.
        samples: `N`.
        empty_like: makes the tensor of what passes, as `torch.empty_like` does.

    Returns:
        What passes, of the gradient's shape and dtype; and whether any unit did, `(N,)`.
    """
    activations, gradients, restored = _rows(activation, gradient, samples)
    result = empty_like(gradients)
    wide = torch.promote_types(torch.promote_types(activation.dtype, gradient.dtype), torch.float32)
    a, r = _arrays(activations, wide), _arrays(gradients, wide)
    arriving, passing = gradients.unbind(), result.unbind()
    passed = np.zeros(samples, dtype=np.bool_)

    def one(sample: int) -> None:
        with np.errstate(all="ignore"):  # PyTorch does not warn either
            scores = score(a(sample), r(sample))
        ordered = np.sort(scores)  # NaN comes last
        threshold = ordered[rank]
        compared = torch.from_numpy(scores)
        if compared.dtype == gradient.dtype and not np.isnan(ordered[-1]):
            # The backward of a ReLU is this very operation; but NaN it would let pass.
            torch.ops.aten.threshold_backward.grad_input(
                arriving[sample], compared, float(threshold), grad_input=passing[sample]
            )
            passed[sample] = ordered[-1] > threshold
        else:
            kept = compared > float(threshold)
            torch.where(kept, arriving[sample], gradient.new_zeros(()), out=passing[sample])
            passed[sample] = bool(kept.any())

    _for_each(one, samples, activation.numel())
    return restored(result), torch.from_numpy(passed)


def _for_each(do: Callable[[int], None], samples: int, units: int) -> None:
    threads = min(torch.get_num_threads(), samples)
    if threads == 1 or units < WORTH_THREADS:
        for sample in range(samples):
            do(sample)
        return
    # Not kept for the next time: a forked process would wait for threads that it does not have.
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(do, range(samples)):
            pass


def _rows(
    activation: Tensor, gradient: Tensor, samples: int
) -> tuple[Tensor, Tensor, Callable[[Tensor], Tensor]]:
    """Both as `(N, units)`, without copies where that can be; and the way back to their shape.

    The order of the units does not matter, so it is that of the memory.
    """
    activation, gradient = (
        activation.resolve_neg(),
        gradient.resolve_neg(),
    )  # NumPy knows no such bit
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
