"""Wrappers around a model that change how it runs, not what it computes."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel


def unwrapped(model: nn.Module) -> nn.Module:
    """The model inside `torch.compile`, `DataParallel` and `DistributedDataParallel`.

    Maps are computed by it alone: uncompiled, in this process, on the device it is on. They are
    the same; it is the hooks that these wrappers do without, move to other threads or wait for.
    """
    while True:
        if isinstance(model, nn.DataParallel | DistributedDataParallel):
            model = model.module
        elif isinstance(compiled := model._modules.get("_orig_mod"), nn.Module):
            model = compiled
        else:
            return model


class _Eager:
    """PyTorch's switch between compiled and plain code, which is one for all threads."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.calls = 0
        self.stance: Any = None

    def begin(self) -> None:
        with self.lock:
            if self.calls == 0:
                # It sets the stance at once, and keeps the one before.
                self.stance = torch.compiler.set_stance("force_eager")
            self.calls += 1

    def end(self) -> None:
        with self.lock:
            self.calls -= 1
            if self.calls == 0:
                self.stance.__exit__(None, None, None)
                self.stance = None


_EAGER = _Eager()


@contextmanager
def uncompiled() -> Iterator[None]:
    """Run compiled parts of a model as they were written: compiled code does not see new hooks.

    In the meantime other threads run theirs uncompiled too, which is slower and the same.
    """
    # Compiling is slow to import, and nothing is compiled as long as nobody has.
    if "torch._dynamo" not in sys.modules:
        yield
        return
    _EAGER.begin()
    try:
        yield
    finally:
        _EAGER.end()
