"""A limit on the size of a network, from the size of its weights, before it is built.

A configuration from elsewhere can ask for a network that does not fit into memory. The comparison
with the weights would come too late.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from rectgrad_zoo.errors import ZooError

# Functions that allocate what a network consists of.
_FACTORIES = (torch.empty, torch.zeros, torch.ones, torch.full, torch.rand, torch.randn)
# A network has more than its weights while it is built: tables of positions, another classifier.
_SPARE_NUMBERS = 50_000_000
_SPARE_TENSORS = 2_000
_FACTOR = 2


class TooLargeError(ZooError):
    """A configuration asks for a network that is much larger than its weights."""


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
        self._most = _FACTOR * self._stored + _SPARE_NUMBERS

    def on_meta(self, build: Callable[[], nn.Module]) -> nn.Module | None:
        """Build a network without data, on the meta device, and check its size.

        Args:
            build: Builds the network.

        Returns:
            The network without data; `None` if it cannot be built without data, because its
            constructor reads values or raises an error. The context remains as a limit.

        Raises:
            TooLargeError: If the network, its tables, or a tensor that they are computed from
                become too large.
        """
        try:
            with self, torch.device("meta"):
                model = build()
        except TooLargeError:
            raise
        except Exception:  # noqa: BLE001 (of any constructor; with data it is raised again)
            return None
        if sum(_allocated(each) for each in model.buffers()) > self._most:
            raise self._too_large()
        return model

    def __enter__(self) -> Any:
        """Start to count: the network of another number of classes is built in a second context."""
        self._numbers_left = self._most
        self._tensors_left = _FACTOR * self._tensors + _SPARE_TENSORS
        return super().__enter__()  # type: ignore[no-untyped-call]

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Count what a function is going to allocate, then call it.

        Raises:
            TooLargeError: If the network, or the result of one function, becomes too large.
        """
        kwargs = kwargs or {}
        if func in _FACTORIES:
            # On the meta device nothing is allocated.
            self._numbers_left -= func(*args, **{**kwargs, "device": "meta"}).numel()
            self._tensors_left -= 1
            if min(self._numbers_left, self._tensors_left) < 0:
                raise self._too_large()
        result = func(*args, **kwargs)
        # A table, such as the mask of a Swin transformer, which is computed and not allocated.
        if isinstance(result, Tensor) and result.is_meta and _allocated(result) > self._most:
            raise self._too_large()
        return result

    def _too_large(self) -> TooLargeError:
        return TooLargeError(
            "The configuration asks for a network that is much larger than its weights: "
            f"{self._where} has {self._stored:,} numbers. The two do not belong together."
        )


def _allocated(tensor: Tensor) -> int:
    """The numbers that a tensor takes in memory, where a view of few numbers takes few."""
    return tensor.untyped_storage().nbytes() // tensor.element_size()
