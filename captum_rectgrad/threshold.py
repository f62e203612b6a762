"""The threshold of a layer: a percentile of its scores, one for each sample.

The original takes `tf.contrib.distributions.percentile` (Kim et al. 2019, listing 1): the nearest
rank, no interpolation.
"""

import math

from torch import Tensor


def nearest_rank(count: int, percentile: float) -> int:
    """Index, in ascending order, of the percentile of `count` scores.

    The arithmetic is Python's: float64, exact halves to the even integer. NumPy's
    `method="nearest"` agrees; `torch.quantile` in float32 does not always.

    Args:
        count: number of scores, at least 1.
        percentile: in [0, 100].

    Returns:
        An index in [0, count - 1].
    """
    return min(max(round((count - 1) * (percentile / 100)), 0), count - 1)


def percentile_per_sample(scores: Tensor, percentile: float) -> Tensor:
    """The percentile of each sample's scores, as an element of those scores.

    Args:
        scores: `(N, units)`, floating point, without NaN.
        percentile: in [0, 100].

    Returns:
        `(N, 1)`, of the scores' dtype and device.
    """
    count = scores.shape[1]
    rank = nearest_rank(count, percentile)
    # The nearer end is the shorter way: at a high percentile, the few largest, in any order.
    if 2 * rank < count:
        smallest = scores.topk(rank + 1, dim=1, largest=False, sorted=False).values
        return smallest.amax(dim=1, keepdim=True)
    largest = scores.topk(count - rank, dim=1, sorted=False).values
    # Of an overflow; NaN counts as the largest.
    return largest.masked_fill_(largest.isnan(), math.inf).amin(dim=1, keepdim=True)
