"""Ways to make a call fail at a chosen place."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode


class Failure(Exception):  # noqa: N818
    """Raised by nothing else."""


ERRORS: tuple[type[BaseException], ...] = (Failure, KeyboardInterrupt)


class _RaiseBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, error: type[BaseException]) -> Tensor:
        ctx.error = error
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *_: Tensor) -> Any:
        raise ctx.error


Place = Callable[[nn.Module, type[BaseException]], Any]


def before_the_module(module: nn.Module, error: type[BaseException]) -> Any:
    def fail(*_: object) -> None:
        raise error

    return module.register_forward_pre_hook(fail)


def after_the_module(module: nn.Module, error: type[BaseException]) -> Any:
    def fail(*_: object) -> None:
        raise error

    return module.register_forward_hook(fail)


def in_the_modules_forward(module: nn.Module, error: type[BaseException]) -> Any:
    class Failing(type(module)):  # type: ignore[misc]
        def forward(self, *_: object) -> Tensor:
            raise error

    class Restore:
        def remove(self) -> None:
            module.__class__ = original

    original = type(module)
    module.__class__ = Failing
    return Restore()


def in_a_hook_on_the_gradient(module: nn.Module, error: type[BaseException]) -> Any:
    def fail(_gradient: Tensor) -> None:
        raise error

    def watch(_module: nn.Module, _args: object, output: Tensor) -> None:
        output.register_hook(fail)

    return module.register_forward_hook(watch)


def in_a_backward(module: nn.Module, error: type[BaseException]) -> Any:
    def replace(_module: nn.Module, _args: object, output: Tensor) -> Any:
        return _RaiseBackward.apply(output, error)

    return module.register_forward_hook(replace)


PLACES: tuple[Place, ...] = (
    before_the_module,
    after_the_module,
    in_the_modules_forward,
    in_a_hook_on_the_gradient,
    in_a_backward,
)


@contextmanager
def failing(module: nn.Module, place: Place, error: type[BaseException]) -> Iterator[None]:
    """For the length of this context, calls of the module fail there."""
    handle = place(module, error)
    try:
        yield
    finally:
        handle.remove()


class FailAt(TorchFunctionMode):
    """Raises in place of one call of PyTorch, whoever makes it: the model, a hook, the package.

    Attributes:
        calls: how many there were.
    """

    def __init__(self, index: int | None, error: type[BaseException] = Failure) -> None:
        super().__init__()
        self.index, self.error, self.calls = index, error, 0

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        del types
        # PyTorch itself sets attributes from C++, and the mode of gradients at either end of
        # `torch.no_grad`, where it does not expect that to fail.
        if func.__name__ not in {"__get__", "__set__", "_set_grad_enabled"}:
            self.calls += 1
            if self.calls - 1 == self.index:
                raise self.error
        return func(*args, **(kwargs or {}))
