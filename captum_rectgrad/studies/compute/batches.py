"""Work on many images a batch at a time, with smaller batches where memory runs out."""

import logging
from collections.abc import Callable, Iterator
from typing import TypeVar

import torch

ResultT = TypeVar("ResultT")

# What PyTorch says, without a type of its own, when the CPU's memory is at its end.
_CPU_OUT_OF_MEMORY = "DefaultCPUAllocator"
_LOG = logging.getLogger(__name__)


def in_batches(
    count: int, size: int, compute: Callable[[slice], ResultT], things: str = "images"
) -> Iterator[tuple[slice, ResultT]]:
    """Compute something for `count` things, a batch at a time.

    Args:
        count: number of things.
        size: things in a batch, at least 1; it is halved, for good, when memory runs out, and a
            warning is logged.
        compute: from the indices of a batch to what is wanted of it.
        things: what they are, for the warning.

    Yields:
        The indices of a batch and its result, in order, without gap or overlap.

    Raises:
        RuntimeError: memory runs out for a single thing.
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
        # Only here is the error gone, and with it what its traceback kept in memory.
        size = length // 2
        _LOG.warning("out of memory: going on with %d %s at a time", size, things)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _is_lack_of_memory(error: BaseException | None) -> bool:
    """Whether an error is one, or came up while one was dealt with, as at the end of a capture."""
    if error is None:
        return False
    if _says_so(error):
        return True
    return _is_lack_of_memory(error.__cause__ or error.__context__)


def _says_so(error: BaseException) -> bool:
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or _CPU_OUT_OF_MEMORY in str(
        error
    )
