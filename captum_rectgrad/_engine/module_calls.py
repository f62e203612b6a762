"""What only a module knows: that several operations are one activation, or that it pads.

Forward hooks, for the length of one call and on such modules only: activations composed of other
operations (`timm`'s and `transformers`' own, `nn.Softsign`), modules that the user named,
convolutions that pad in their own forward (timm's "same" convolutions), and recurrent layers, which
are one operation on some devices and many on others. A model without any gets no hook.
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
    """A tensor that the backward pass needs was changed in place after it was computed."""


@dataclass
class ModuleCall:
    """One call of a module.

    Attributes:
        name: of the module in the model.
        module: it.
        operand: the tensor that it worked on.
        first: number of a node that was made when the call began; those of the call are greater.
        kind: what the module is.
        value: its output.
        version: how often that had been changed in place.
        node: the node behind the output, or None where no gradient would pass.
        index: which output of that node it is.
        outputs: the nodes behind all tensors that it returned.
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
        """The output as it was computed, `(N, ...)`.

        Raises:
            InplaceModificationError: the model changed it in place.
        """
        if self.value._version != self.version:
            raise InplaceModificationError(self.name)
        return self.value

    def nodes(self) -> Iterator[Node]:
        """The nodes that the call made."""
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
    """The calls of some modules in one forward pass.

    Attributes:
        copies: whether values are kept as copies, and activations in place work on copies: the
            second way, for models that change activations in place afterwards, or on views.
        finished: filled in the order in which the calls ended.
        is_open: whether calls still count; a checkpoint calls modules again in the backward pass.
    """

    copies: bool = False
    finished: list[ModuleCall] = field(default_factory=list)
    is_open: bool = True
    _thread: int = field(default_factory=threading.get_ident)
    _running: list[ModuleCall] = field(default_factory=list)

    def record(
        self, modules: Iterable[tuple[str, nn.Module]], kind: Kind
    ) -> Iterator[RemovableHandle]:
        """Put hooks onto modules.

        Args:
            modules: by name.
            kind: what they are.

        Yields:
            Their handles, to be removed by the caller.
        """
        for name, module in modules:
            before, after = self._hooks(name, kind)
            yield module.register_forward_pre_hook(before, with_kwargs=True)
            yield module.register_forward_hook(
                after, prepend=True, with_kwargs=True, always_call=True
            )

    def _counts(self) -> bool:
        """Whether this call belongs to the pass: not one of another thread, or under no_grad."""
        return self.is_open and threading.get_ident() == self._thread and torch.is_grad_enabled()

    def _hooks(self, name: str, kind: Kind) -> tuple[Callable[..., Any], ...]:
        # Another thread may see a hook before it is registered to take keywords.
        def before(
            module: nn.Module, args: Arguments, kwargs: Keywords | None = None
        ) -> tuple[Arguments, Keywords] | None:
            if kwargs is None or not self._counts():
                return None
            found = _operand(args, kwargs)
            if found is None:
                if kind == "activation":
                    raise RectGradError(
                        f"{name!r} was called without a tensor; choose modules for "
                        "activations=[...] that are called with one"
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
            if output is None:  # its forward raised, or a hook before it
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
                f"{call.name!r} was chosen as an activation and returned {type(output).__name__}; "
                "choose modules that return one tensor"
            )
        call.node, call.index = output.grad_fn, output.output_nr
        call.outputs = list(_nodes_behind(output))
        call.value = output.detach().clone() if self.copies else output.detach()
        call.version = call.value._version
        self.finished.append(call)
        if not self.copies or not output.requires_grad:
            return None
        if any(output is argument for argument in (*args, *kwargs.values())):
            # It worked in place, on a copy: what the model holds gets the result.
            with torch.enable_grad():
                return call.operand.copy_(output)
        return output.clone()


def _nodes_behind(output: Any) -> Iterator[Node]:
    """The nodes behind the tensors that a module returned, in tuples or lists perhaps."""
    if isinstance(output, Tensor) and output.grad_fn is not None:
        yield output.grad_fn
    elif isinstance(output, tuple | list):
        for part in output:
            yield from _nodes_behind(part)


def _operand(args: Arguments, kwargs: Keywords) -> tuple[int | str, Tensor] | None:
    """What a module works on, and its place: the first tensor that has a gradient, if any has."""
    places: list[tuple[int | str, Any]] = [*enumerate(args), *kwargs.items()]
    tensors = [(place, value) for place, value in places if isinstance(value, Tensor)]
    return next((item for item in tensors if item[1].requires_grad), next(iter(tensors), None))


def _next_number() -> int:
    """A number between those of the nodes that this thread has made and will make."""
    node = torch.empty(0, requires_grad=True).clone().grad_fn
    return -1 if node is None else _number(node)


def _number(node: Node) -> int:
    """Nodes are numbered as they are made; leaves, which are not, count as the first."""
    number = node._sequence_nr()
    return number if number < 1 << 63 else -1
