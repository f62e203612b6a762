"""Wrappers that change the execution of a model, but not its results."""

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

    Maps are computed by the inner model: uncompiled, in this process, on its device. The results
    are the same. The wrappers are removed since they ignore hooks or run them in other threads.
    """
    while True:
        if isinstance(model, nn.DataParallel | DistributedDataParallel):
            model = model.module
        elif isinstance(compiled := model._modules.get("_orig_mod"), nn.Module):
            model = compiled
        else:
            return model


class _Eager:
    """PyTorch's global switch between compiled and eager execution."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.calls = 0
        self.stance: Any = None

    def begin(self) -> None:
        with self.lock:
            if self.calls == 0:
                # The constructor sets the stance and stores the previous one.
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
    """Run compiled parts of a model eagerly, since compiled code ignores new hooks.

    Compiled models in other threads run eagerly too in this context, with the same results.
    """
    # The import is slow and not needed unless code was compiled.
    if "torch._dynamo" not in sys.modules:
        yield
        return
    _EAGER.begin()
    try:
        yield
    finally:
        _EAGER.end()
