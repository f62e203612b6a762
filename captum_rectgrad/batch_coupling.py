"""Normalisation in training mode: it mixes the samples of a batch and changes the model."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm, _NormBase


def coupling(model: nn.Module) -> tuple[str, ...]:
    """Names of the modules through which the result of a sample depends on the others."""
    return tuple(
        f"{name!r} ({type(module).__name__})"
        for name, module in model.named_modules()
        if isinstance(module, _BatchNorm)
        and (module.training or (module.running_mean is None and module.running_var is None))
    )


@contextmanager
def statistics_kept(model: nn.Module) -> Iterator[None]:
    """Put back afterwards what normalisation in training mode notes of the batches it sees.

    With several threads in the model at once, the number of batches may be left changed.
    """
    noted = [
        (buffer, buffer.clone())
        for module in model.modules()
        if isinstance(module, _NormBase) and module.training
        for buffer in module.buffers(recurse=False)
    ]
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, before in noted:
                buffer.copy_(before)
