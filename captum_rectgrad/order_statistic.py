"""The number of a rank among many: the very one that sorting gives, sooner.

The bits of positive floating point numbers, read as whole numbers, are in the same order, and among
whole numbers NumPy finds the one of a rank with the CPU's vector instructions. These do not get on
where most numbers are equal, and of scores most are zero: so what is not positive is replaced by
numbers that are all different and smaller than any positive one of interest.
"""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.floating[Any]]
Integers: TypeAlias = NDArray[np.signedinteger[Any]]
_OF_THAT_SIZE = {4: np.int32, 8: np.int64}


def ascending(count: int, dtype: np.dtype[Any]) -> Integers:
    """What `number_of_rank` puts in the place of numbers that are not positive.

    Args:
        count: of the numbers.
        dtype: theirs, float32 or float64.

    Returns:
        `(count,)`, 0, 1, 2, ...
    """
    return np.arange(count, dtype=_OF_THAT_SIZE[dtype.itemsize])


def number_of_rank(numbers: Floats, rank: int, lowest: Integers, memory: Integers) -> float:
    """The number that is at a rank when all are sorted.

    Args:
        numbers: `(count,)`, contiguous, without NaN.
        rank: from 0, of the smallest, to `count - 1`.
        lowest: `ascending(count, numbers.dtype)`.
        memory: like it; is written to.

    Returns:
        One of the numbers; of a zero the sign may be lost.
    """
    from_there = numbers.size - rank
    if np.count_nonzero(numbers > 0) >= from_there:
        np.maximum(numbers.view(memory.dtype), lowest, out=memory)
        memory.partition(rank)
        found = memory[rank : rank + 1]
        if found[0] >= numbers.size:  # else it is one put in, or a number below 1e-37
            return float(found.view(numbers.dtype)[0])
    elif np.count_nonzero(numbers >= 0) >= from_there:
        return 0.0
    return float(np.sort(numbers)[rank])
