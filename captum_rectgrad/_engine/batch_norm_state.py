"""Normalisation in training mode: it mixes the samples of a batch and changes the model."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm, _NormBase


def is_batch_dependent(module: nn.Module) -> bool:
    """Whether the result of a sample depends on the others through this module."""
    return isinstance(module, _BatchNorm) and (
        module.training or (module.running_mean is None and module.running_var is None)
    )


def running_statistics(module: nn.Module) -> list[tuple[Tensor, Tensor]]:
    """The buffers that this module changes in a forward pass, and their values as copies."""
    if not (isinstance(module, _NormBase) and module.training):
        return []
    return [(buffer, buffer.clone()) for buffer in module.buffers(recurse=False)]


def restore_statistics(saved: Iterable[tuple[Tensor, Tensor]]) -> None:
    """Put values back that `running_statistics` returned.

    With several threads in the model at once, the number of batches may be left changed.
    """
    with torch.no_grad():
        for buffer, before in saved:
            buffer.copy_(before)
