"""Memory that is used again while gradients flow backwards.

On a CPU a fresh block of memory costs more than what is written to it: the system hands it out page
by page, each zeroed and mapped at its first use. The allocator of the C library uses blocks again,
but not those of 32 MiB and more (glibc, `M_MMAP_THRESHOLD`), as activations of a batch are.
"""

import weakref

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

WORTH_KEEPING = 2**25  # bytes

Bytes = NDArray[np.uint8]

# The integers of as many bytes as a floating point number has.
INTEGERS = {2: torch.int16, 4: torch.int32, 8: torch.int64}


class Buffers:
    """Blocks of memory of one backward pass; each is handed out again once nobody has it.

    Who has a block is known by a view of it that only the tensor refers to: it is gone as soon as
    the last tensor with this memory is.
    """

    def __init__(self) -> None:
        self._blocks: list[tuple[Bytes, weakref.ref[Bytes]]] = []

    def empty_like(self, tensor: Tensor) -> Tensor:
        """A tensor like another, of the same layout, with whatever was in memory.

        Args:
            tensor: on any device; memory is used again on the CPU only.

        Returns:
            A tensor that shares memory with no other in use.
        """
        size = tensor.numel() * tensor.element_size()
        if tensor.device.type != "cpu" or size < WORTH_KEEPING:
            return torch.empty_like(tensor)
        # Tells the strides without allocating anything.
        layout = torch.empty_like(tensor, device="meta")
        memory = torch.from_numpy(self._view(size)).view(tensor.dtype)
        return memory.as_strided(layout.shape, layout.stride())

    def clear(self) -> None:
        """Give back what nobody has; what is in use stays with its tensors."""
        self._blocks.clear()

    def _view(self, size: int) -> Bytes:
        free = [block for block, user in self._blocks if user() is None]
        block = next((one for one in free if one.nbytes >= size), None)
        # At most one block that nobody has is kept, so that the peak of memory hardly grows.
        self._blocks = [(one, user) for one, user in self._blocks if user() is not None]
        if block is None:
            block = torch.empty(size, dtype=torch.uint8).numpy()
        view = block[:size]
        self._blocks.append((block, weakref.ref(view)))
        return view
