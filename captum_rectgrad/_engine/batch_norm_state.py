"""Batch normalisation in training mode, which mixes samples and changes buffers of the model."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm, _NormBase


def is_batch_dependent(module: nn.Module) -> bool:
    """Whether the result of a sample depends on other samples through this module."""
    return isinstance(module, _BatchNorm) and (
        module.training or (module.running_mean is None and module.running_var is None)
    )


def running_statistics(module: nn.Module) -> list[tuple[Tensor, Tensor]]:
    """The buffers that a module changes in a forward pass, and copies of their values."""
    if not (isinstance(module, _NormBase) and module.training):
        return []
    return [(buffer, buffer.clone()) for buffer in module.buffers(recurse=False)]


def restore_statistics(saved: Iterable[tuple[Tensor, Tensor]]) -> None:
    """Restore the values from `running_statistics`.

    If several threads use the model at once, the number of batches may change.
    """
    with torch.no_grad():
        for buffer, before in saved:
            buffer.copy_(before)
