"""A limit on the size of a network while it is built, from the size of its weights.

A configuration from elsewhere can ask for a network that does not fit into memory. The comparison
with the weights would come too late.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from rectgrad_zoo.errors import ZooError

# Functions that allocate what a network consists of.
_FACTORIES = (torch.empty, torch.zeros, torch.ones, torch.full, torch.rand, torch.randn)
# A network has more than its weights while it is built: tables of positions, another classifier.
_SPARE_NUMBERS = 50_000_000
_SPARE_TENSORS = 2_000
_FACTOR = 2


class NetworkSizeLimit(TorchFunctionMode):
    """A context manager that refuses to allocate much more than a state dict contains.

    Args:
        tensors: The state dict.
        file_size: Size of its file in bytes. Tensors in the file can share their numbers.
        where: Source of the state dict, for the error.
    """

    def __init__(self, tensors: Mapping[str, Tensor], file_size: int, where: str) -> None:
        super().__init__()
        self._where = where
        self._stored = min(sum(tensor.numel() for tensor in tensors.values()), file_size)
        self._tensors = len(tensors)

    def __enter__(self) -> Any:
        """Start to count: the network of another number of classes is built in a second context."""
        self._numbers_left = _FACTOR * self._stored + _SPARE_NUMBERS
        self._tensors_left = _FACTOR * self._tensors + _SPARE_TENSORS
        return super().__enter__()  # type: ignore[no-untyped-call]

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Count what a function is going to allocate, then call it.

        Raises:
            ZooError: If the network becomes too large.
        """
        kwargs = kwargs or {}
        if func in _FACTORIES:
            # On the meta device nothing is allocated.
            self._numbers_left -= func(*args, **{**kwargs, "device": "meta"}).numel()
            self._tensors_left -= 1
            if min(self._numbers_left, self._tensors_left) < 0:
                raise ZooError(
                    "The configuration asks for a network that is much larger than its weights: "
                    f"{self._where} has {self._stored:,} numbers. The two do not belong together."
                )
        return func(*args, **kwargs)
