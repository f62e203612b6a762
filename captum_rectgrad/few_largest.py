"""Which few units of a sample score highest, on a CPU: the same selection as by sorting, sooner.

At a high percentile one or two units in a hundred pass. A bound that is probably below the
threshold, guessed from a part of the scores, leaves little more than those to be sorted; where too
few exceed it, all are. Scores are computed in blocks that stay in the cache, and are never all in
memory. NumPy's operations are used, as PyTorch's comparisons are several times slower on a CPU.
"""

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Floats: TypeAlias = NDArray[np.floating[Any]]
Indices: TypeAlias = NDArray[np.intp]
# From the activations and gradients of some units, `(units,)`, to their scores.
Score = Callable[[Floats, Floats], Floats]

BLOCK = 2**16  # units: in float32 they fit into the L2 cache of any CPU since 2015
WORTH_THREADS = 2**19  # units of a batch: below, starting threads takes longer than they save
_IMAGES = 4  # dimensions of a batch of feature maps
_ENOUGH = 4096  # units of a sample: with fewer, the calls take longer than the work
_FEW = 8  # "few" are at most an eighth of the units
_GUESSED_FROM = 8192  # scores at most, and at least one in 32
_DEVIATIONS = 4  # how far below its expectation the bound is, in standard deviations of its rank


def is_worthwhile(units: int, count: int) -> bool:
    """Whether looking for the few largest is sooner done than looking at all.

    Args:
        units: of a sample.
        count: how many are looked for.
    """
    return units >= _ENOUGH and count * _FEW <= units


def pass_few_largest(
    score: Score, count: int, activation: Tensor, gradient: Tensor, samples: int
) -> tuple[Tensor, Tensor]:
    """The gradient where the score exceeds the `count`-th largest of the sample, elsewhere 0.

    Args:
        score: of units, in float32 or float64 as they are given.
        count: at least 1; it should be few of the units.
        activation: `(N, ...)`, or any shape if there is but one sample; on the CPU.
        gradient: of that shape.
        samples: `N`.

    Returns:
        What passes, of the gradient's shape and dtype; and whether any unit did, `(N,)`.
    """
    activations, gradients, restored = _rows(activation, gradient, samples)
    result = torch.zeros_like(gradients)
    wide = torch.promote_types(torch.promote_types(activation.dtype, gradient.dtype), torch.float32)
    a, r = _arrays(activations, wide), _arrays(gradients, wide)
    arriving, passing = _bits(gradients), _bits(result)
    passed = np.zeros(samples, dtype=np.bool_)

    def one(sample: int) -> None:
        with np.errstate(all="ignore"):  # PyTorch does not warn either
            units = few_largest(score, count, a(sample), r(sample))
        passing[sample][units] = arriving[sample][units]
        passed[sample] = len(units) > 0

    _for_each(one, samples, activation.numel())
    return restored(result), torch.from_numpy(passed)


def few_largest(score: Score, count: int, activation: Floats, gradient: Floats) -> Indices:
    """The units of one sample whose score exceeds the `count`-th largest.

    Args:
        score: as above.
        count: from 1 to the number of units.
        activation: `(units,)`.
        gradient: `(units,)`.

    Returns:
        Their indices, in order.
    """
    bound = _guess(score, count, activation, gradient)
    candidates, scores = _above(bound, score, activation, gradient)
    if len(scores) < count:
        everything = score(activation, gradient)
        # Often the bound itself is the threshold: the zeros of a ReLU are many, and tie.
        if np.count_nonzero(~(everything < bound)) >= count:
            return candidates[scores > bound]
        candidates, scores = np.arange(len(everything)), everything
    threshold = np.partition(scores, len(scores) - count)[len(scores) - count]
    above: Indices = candidates[scores > threshold]
    return above


def _guess(score: Score, count: int, activation: Floats, gradient: Floats) -> float:
    """A score that the `count`-th largest is probably not below."""
    units = len(activation)
    # Odd, so that it does not keep to the same columns of a feature map.
    step = max(units // max(min(units // 32, _GUESSED_FROM), 1), 1) | 1
    some = np.sort(score(activation[::step], gradient[::step]))
    expected = count / units * len(some)
    larger = math.ceil(expected + _DEVIATIONS * math.sqrt(expected)) + 1
    return float(some[max(len(some) - larger, 0)])


def _above(
    bound: float, score: Score, activation: Floats, gradient: Floats
) -> tuple[Indices, Floats]:
    """Units with a score above a bound, and their scores; NaN counts as the largest."""
    units, values = [], []
    for block in _blocks(len(activation)):
        scores = score(activation[block], gradient[block])
        below = scores <= bound
        found = np.logical_not(below, out=below).nonzero()[0]
        values.append(scores[found])
        units.append(found + block.start if block.start else found)
    return np.concatenate(units), np.concatenate(values)


def _blocks(units: int) -> Iterator[slice]:
    return (slice(start, start + BLOCK) for start in range(0, units, BLOCK))


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


def _bits(rows: Tensor) -> NDArray[np.integer[Any]]:
    """The same memory as integers: NumPy knows no bfloat16, and a copy need not know what of."""
    integers = {2: torch.int16, 4: torch.int32, 8: torch.int64}[rows.element_size()]
    return rows.view(integers).numpy()
