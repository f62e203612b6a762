"""Batched computation with smaller batches after an out-of-memory error."""

import logging
from collections.abc import Callable, Iterator
from typing import TypeVar

import torch

ResultT = TypeVar("ResultT")

# Message of PyTorch's out-of-memory error on the CPU, which has no type of its own.
_CPU_OUT_OF_MEMORY = "DefaultCPUAllocator"
_LOG = logging.getLogger(__name__)


def in_batches(
    count: int, size: int, compute: Callable[[slice], ResultT], things: str = "images"
) -> Iterator[tuple[slice, ResultT]]:
    """Compute a function of `count` items in batches.

    Args:
        count: number of items.
        size: batch size, at least 1. It is halved permanently after an out-of-memory error, with a
            logged warning.
        compute: function of the slice of a batch.
        things: name of the items, for the warning.

    Yields:
        The slice of each batch and its result, in order.

    Raises:
        RuntimeError: a single item does not fit into memory.
    """
    start = 0
    while start < count:
        batch = slice(start, min(start + size, count))
        length = batch.stop - batch.start
        try:
            result = compute(batch)
        except (RuntimeError, MemoryError) as error:
            if length == 1 or not _is_lack_of_memory(error):
                raise
        else:
            yield batch, result
            start = batch.stop
            continue
        # The error and its traceback, which holds tensors, are released only here.
        size = length // 2
        _LOG.warning("out of memory: continuing with batches of %d %s", size, things)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _is_lack_of_memory(error: BaseException | None) -> bool:
    """Whether an error or one in its chain is an out-of-memory error, as at a capture's end."""
    if error is None:
        return False
    if _says_so(error):
        return True
    return _is_lack_of_memory(error.__cause__ or error.__context__)


def _says_so(error: BaseException) -> bool:
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or _CPU_OUT_OF_MEMORY in str(
        error
    )
