"""Calls of modules that the graph does not identify.

Forward hooks are registered during one call, on these modules only: activations composed of
operations (of timm and transformers, `nn.Softsign`), modules in `activations`, convolutions that
pad in their forward() (timm's "same" convolutions), and recurrent layers, which are one operation
on some devices and several on other devices.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.autograd.graph import Node
from torch.utils.hooks import RemovableHandle

from captum_rectgrad.errors import RectGradError

Arguments = tuple[Any, ...]
Keywords = dict[str, Any]
Kind = Literal["activation", "convolution", "recurrent"]


class InplaceModificationError(RuntimeError):
    """A tensor for the backward pass was modified in place."""


@dataclass
class ModuleCall:
    """One call of a module.

    Attributes:
        name: name of the module in the model.
        module: module of the call.
        operand: input tensor of the module.
        first: sequence number at the start of the call. Nodes of the call have greater numbers.
        kind: kind of the module.
        value: output of the module.
        version: version counter of the output.
        node: node of the output; None without a gradient.
        index: index of the output among the outputs of the node.
        outputs: nodes of all returned tensors.
    """

    name: str
    module: nn.Module
    operand: Tensor
    first: int
    kind: Kind
    value: Tensor = field(default_factory=lambda: torch.empty(0))
    version: int = 0
    node: Node | None = None
    index: int = 0
    outputs: list[Node] = field(default_factory=list)

    def activation(self) -> Tensor:
        """The output of the call, `(N, ...)`.

        Raises:
            InplaceModificationError: the model modified the output in place.
        """
        if self.value._version != self.version:
            raise InplaceModificationError(self.name)
        return self.value

    def nodes(self) -> Iterator[Node]:
        """The nodes of the call."""
        waiting, seen = list(self.outputs), set[Node]()
        while waiting:
            node = waiting.pop()
            if node in seen or _number(node) <= self.first:
                continue
            seen.add(node)
            yield node
            waiting.extend(child for child, _ in node.next_functions if child is not None)


@dataclass
class ModuleCalls:
    """Records the calls of modules in one forward pass.

    Attributes:
        copies: whether values are copied, and in-place activations work on copies. This is required
            for models that modify activations in place, see `recorded_forward.py`.
        finished: finished calls, in order.
        is_open: whether calls are recorded. A checkpoint repeats calls in the backward pass.
    """

    copies: bool = False
    finished: list[ModuleCall] = field(default_factory=list)
    is_open: bool = True
    _thread: int = field(default_factory=threading.get_ident)
    _running: list[ModuleCall] = field(default_factory=list)

    def record(
        self, modules: Iterable[tuple[str, nn.Module]], kind: Kind
    ) -> Iterator[RemovableHandle]:
        """Register hooks on modules.

        Args:
            modules: modules with their names.
            kind: kind of the modules.

        Yields:
            Handles, which the caller must remove.
        """
        for name, module in modules:
            before, after = self._hooks(name, kind)
            yield module.register_forward_pre_hook(before, with_kwargs=True)
            yield module.register_forward_hook(
                after, prepend=True, with_kwargs=True, always_call=True
            )

    def _counts(self) -> bool:
        """Whether a call belongs to the pass, not to another thread or a no_grad context."""
        return self.is_open and threading.get_ident() == self._thread and torch.is_grad_enabled()

    def _hooks(self, name: str, kind: Kind) -> tuple[Callable[..., Any], ...]:
        # Another thread may call a hook before its registration for keywords is complete.
        def before(
            module: nn.Module, args: Arguments, kwargs: Keywords | None = None
        ) -> tuple[Arguments, Keywords] | None:
            if kwargs is None or not self._counts():
                return None
            found = _operand(args, kwargs)
            if found is None:
                if kind == "activation":
                    raise RectGradError(
                        f"{name!r} in activations=[...] was called without a tensor; list modules "
                        "that are called with a tensor"
                    )
                return None
            place, operand = found
            self._running.append(ModuleCall(name, module, operand, _next_number(), kind))
            if not (kind == "activation" and self.copies and operand.requires_grad):
                return None
            values: dict[int | str, Any] = dict([*enumerate(args), *kwargs.items()])
            values[place] = operand.clone()
            return tuple(values[i] for i in range(len(args))), {key: values[key] for key in kwargs}

        def after(module: nn.Module, args: Arguments, *rest: Any) -> Any:
            if not (self._running and self._running[-1].module is module and self._counts()):
                return None
            call, output = self._running.pop(), rest[-1]
            if output is None:  # forward() or an earlier hook raised an exception
                return None
            if kind == "activation":
                return self._note_activation(call, args, rest[0], output)
            call.outputs = list(_nodes_behind(output))
            self.finished.append(call)
            return None

        return before, after

    def _note_activation(
        self, call: ModuleCall, args: Arguments, kwargs: Keywords, output: Any
    ) -> Any:
        if not isinstance(output, Tensor):
            raise RectGradError(
                f"{call.name!r} in activations=[...] returned {type(output).__name__}, expected a "
                "tensor; list modules that return one tensor"
            )
        call.node, call.index = output.grad_fn, output.output_nr
        call.outputs = list(_nodes_behind(output))
        call.value = output.detach().clone() if self.copies else output.detach()
        call.version = call.value._version
        self.finished.append(call)
        if not self.copies or not output.requires_grad:
            return None
        if any(output is argument for argument in (*args, *kwargs.values())):
            # In-place operation on a copy: write the result to the model's tensor.
            with torch.enable_grad():
                return call.operand.copy_(output)
        return output.clone()


def _nodes_behind(output: Any) -> Iterator[Node]:
    """The nodes of the tensors that a module returned, including nested tuples and lists."""
    if isinstance(output, Tensor) and output.grad_fn is not None:
        yield output.grad_fn
    elif isinstance(output, tuple | list):
        for part in output:
            yield from _nodes_behind(part)


def _operand(args: Arguments, kwargs: Keywords) -> tuple[int | str, Tensor] | None:
    """The first tensor with a gradient, or the first tensor, and its position or keyword."""
    places: list[tuple[int | str, Any]] = [*enumerate(args), *kwargs.items()]
    tensors = [(place, value) for place, value in places if isinstance(value, Tensor)]
    return next((item for item in tensors if item[1].requires_grad), next(iter(tensors), None))


def _next_number() -> int:
    """A sequence number between those of earlier and later nodes of this thread."""
    node = torch.empty(0, requires_grad=True).clone().grad_fn
    return -1 if node is None else _number(node)


def _number(node: Node) -> int:
    """The sequence number of a node; -1 for leaves."""
    number = node._sequence_nr()
    return number if number < 1 << 63 else -1
