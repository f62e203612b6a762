"""A second forward pass that records the values of activations.

The graph does not contain the value of an activation in these cases:

- it works in place on a view (`h[:, :4].relu_()`): the node `CopySlices` hides the activation;
- its result or saved tensor is modified in place afterwards (`h = relu(h); h += x`);
- it is inside a non-reentrant checkpoint, whose saved tensors can be read only once;
- its node saves neither its input nor its output (`F.threshold`, `F.tanhshrink`).

In these cases the model is run once more, with the same random numbers, in a function mode that
intercepts the calls of activations. In-place activations work on copies. Their results are written
back.
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
# Modules of PyTorch's functions; methods of tensors have no module.
HOMES = {
    "torch",
    "torch.nn.functional",
    "torch._C._nn",
    "torch._C._special",
    "torch._ops.aten",
    None,
}


class RecordedForward(TorchFunctionMode):
    """Records the outputs of activations and the inputs of max-poolings, by node.

    Attributes:
        values: recorded tensors, `(N, ...)` each.
    """

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[Node, Tensor] = {}
        self._is_open = True

    def finish(self) -> "dict[Node, Tensor]":
        """Stop recording and return the recorded values."""
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
        # Copies, so that the model cannot modify the saved tensors in place.
        copy = x.clone()
        output = func(
            *(copy if argument is x else argument for argument in args),
            **{key: copy if value is x else value for key, value in kwargs.items()},
        )
        self._record(output)
        # The positional argument `inplace` is the last one. In `rrelu` it follows `training`.
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
        copy = x.clone()  # since the model may modify the input in place
        output = func(
            *(copy if argument is x else argument for argument in args),
            **{key: copy if value is x else value for key, value in kwargs.items()},
        )
        node = (output[0] if isinstance(output, tuple) else output).grad_fn
        # By name, since reading saved tensors would recompute a checkpoint.
        while node is not None and "MaxPool" not in node.name():
            node = node.next_functions[0][0]  # one-dimensional pooling is a view of this one
        if node is not None:
            dims = node._input_metadata[0].shape
            self.values[node] = copy.detach().reshape(*_leading(x, len(dims)))
        return output


@contextmanager
def recording() -> Iterator[RecordedForward]:
    """Record until `finish()`.

    PyTorch removes a running mode from its stack, and an interrupt may prevent its return. So
    the whole stack is restored, with interrupts deferred by the caller. If PyTorch returns the mode
    to the stack later, the mode is inactive.
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
    """The shape of the input of a one-dimensional pooling in two dimensions."""
    shape = tuple(x.shape)
    return shape if len(shape) == dims else (*shape[:-1], 1, shape[-1])


@lru_cache(maxsize=1024)
def _name(func: Callable[..., Any]) -> tuple[str, bool]:
    """`relu` for `relu_`, `Tensor.relu` and `aten.relu.default`, and whether it is in place."""
    name = str(getattr(func, "__name__", "")).split(".")[0]
    writes = name.endswith("_") and not name.endswith("__")
    return name.strip("_").removeprefix("special_"), writes
