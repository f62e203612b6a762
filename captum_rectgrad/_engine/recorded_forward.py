"""The second way: a forward pass in which the values of activations are recorded.

The graph alone does not tell the value of an activation, or does not show it at all, where

- an activation works in place on a view (`h[:, :4].relu_()`): the node `CopySlices` hides its own;
- an activation, or what its backward needs, is changed in place afterwards (`h = relu(h); h += x`);
- it is inside a non-reentrant checkpoint, whose saved tensors can be read only once;
- its node saves neither its input nor its output (`F.threshold`, `F.tanhshrink`).

Then the model is run once more, with the same random numbers, under a function mode that sees the
calls of activations. In place they work on copies, whose results are written back.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.overrides import (
    TorchFunctionMode,
    _get_current_function_mode_stack,
    _pop_mode,
    _push_mode,
)

if TYPE_CHECKING:
    from torch.autograd.graph import Node

ACTIVATIONS = {"celu", "elu", "gelu", "hardshrink", "hardsigmoid", "hardswish", "hardtanh"}
ACTIVATIONS |= {"leaky_relu", "log_sigmoid", "logsigmoid", "mish", "prelu", "relu", "relu6"}
ACTIVATIONS |= {"rrelu", "selu", "sigmoid", "expit", "silu", "softplus", "softshrink", "softsign"}
ACTIVATIONS |= {"tanh", "tanhshrink", "threshold", "clamp", "clamp_min", "clip"}
POOLINGS = {
    f"{kind}max_pool{dims}d{suffix}"
    for kind in ("", "adaptive_")
    for dims in (1, 2, 3)
    for suffix in ("", "_with_indices")
}
# Where PyTorch keeps its functions; methods of tensors have no module.
HOMES = {
    "torch",
    "torch.nn.functional",
    "torch._C._nn",
    "torch._C._special",
    "torch._ops.aten",
    None,
}


class RecordedForward(TorchFunctionMode):
    """Records the output of activations and the input of max-poolings, by their nodes.

    Attributes:
        values: what was recorded, `(N, ...)` each.
    """

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[Node, Tensor] = {}
        self._is_open = True

    def finish(self) -> "dict[Node, Tensor]":
        """Record no more, and give what was recorded."""
        self._is_open = False
        return self.values

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call a function; see `torch.overrides`."""
        del types
        kwargs = dict(kwargs or {})
        if not self._is_open:
            return func(*args, **kwargs)
        name, writes = _name(func)
        x = args[0] if args else kwargs.get("input")
        if not (
            (name in ACTIVATIONS or name in POOLINGS)
            and getattr(func, "__module__", None) in HOMES
            and isinstance(x, Tensor)
            and x.requires_grad
            and torch.is_grad_enabled()
        ):
            return func(*args, **kwargs)
        if name in POOLINGS:
            return self._pooling(func, x, args, kwargs)
        # Copies, so that what the node has saved is not what the model may change in place.
        copy = x.clone()
        output = func(
            *(copy if argument is x else argument for argument in args),
            **{key: copy if value is x else value for key, value in kwargs.items()},
        )
        self._record(output)
        # The last of the arguments by position; that of `rrelu` before it says "training".
        flags = args[4:] if name == "rrelu" else args[1:]
        if writes or kwargs.get("inplace") or any(flag is True for flag in flags):
            return x.copy_(output)
        return output.clone()

    def _record(self, output: Tensor) -> None:
        if output.grad_fn is not None:
            self.values[output.grad_fn] = output.detach().clone()

    def _pooling(
        self, func: Callable[..., Any], x: Tensor, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        copy = x.clone()  # as the model may change its input in place
        output = func(
            *(copy if argument is x else argument for argument in args),
            **{key: copy if value is x else value for key, value in kwargs.items()},
        )
        node = (output[0] if isinstance(output, tuple) else output).grad_fn
        # By name: to look at what a node has saved would run a checkpoint again.
        while node is not None and "MaxPool" not in node.name():
            node = node.next_functions[0][0]  # one-dimensional pooling is a view of this one
        if node is not None:
            dims = node._input_metadata[0].shape
            self.values[node] = copy.detach().reshape(*_leading(x, len(dims)))
        return output


@contextmanager
def recording() -> Iterator[RecordedForward]:
    """Record until `finish()`.

    While a mode runs, PyTorch takes it off its stack, and an interrupt may come before it is put
    back. So the stack is restored as a whole; the caller is to hold interrupts back then. PyTorch
    may still put the mode back when the traceback of the interrupt is freed; it does nothing then.
    """
    before = _get_current_function_mode_stack()  # type: ignore[no-untyped-call]
    mode = RecordedForward()
    _push_mode(mode)  # type: ignore[no-untyped-call]
    try:
        yield mode
    finally:
        mode.finish()
        for _ in _get_current_function_mode_stack():  # type: ignore[no-untyped-call]
            _pop_mode()  # type: ignore[no-untyped-call]
        for other in before:
            _push_mode(other)  # type: ignore[no-untyped-call]


def _leading(x: Tensor, dims: int) -> tuple[int, ...]:
    """The shape of a one-dimensional pooling's input as the two-dimensional one gets it."""
    shape = tuple(x.shape)
    return shape if len(shape) == dims else (*shape[:-1], 1, shape[-1])


@lru_cache(maxsize=1024)
def _name(func: Callable[..., Any]) -> tuple[str, bool]:
    """`relu` for `relu_`, `Tensor.relu` and `aten.relu.default`; and whether it works in place."""
    name = str(getattr(func, "__name__", "")).split(".")[0]
    writes = name.endswith("_") and not name.endswith("__")
    return name.strip("_").removeprefix("special_"), writes
