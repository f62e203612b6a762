"""The tensors of chosen layers in one forward pass, and where their gradients will arrive."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge
from torch.utils.hooks import RemovableHandle

from captum_rectgrad.errors import RectGradError

Arguments = tuple[Any, ...]


@dataclass(frozen=True)
class LayerTensor:
    """A tensor that an output is attributed to.

    Attributes:
        tensor: its value; still in the graph, so that a neuron can be chosen from it.
        edge: where in the graph its gradient arrives, from all that used it.
        name: what it is, for messages.
    """

    tensor: Tensor
    edge: GradientEdge
    name: str


@dataclass
class LayerRecorder:
    """The calls of some layers.

    Attributes:
        layers: the layers by name.
        at_input: whether their inputs are recorded, or their outputs.
        calls: filled by the forward pass: for each call of each layer, its tensors.
        is_open: whether calls still count; a checkpoint calls layers again in the backward pass.
    """

    layers: Mapping[str, nn.Module]
    at_input: bool
    calls: dict[str, list[tuple[LayerTensor, ...]]] = field(default_factory=dict)
    is_open: bool = True
    _thread: int = field(default_factory=threading.get_ident)

    def record(self) -> Iterator[RemovableHandle]:
        """Put hooks onto the layers.

        Yields:
            Their handles, to be removed by the caller.
        """
        for name, layer in self.layers.items():
            if self.at_input:
                hook = self._input_hook(name)
                yield layer.register_forward_pre_hook(hook, with_kwargs=True)
            else:
                yield layer.register_forward_hook(self._output_hook(name))

    def only(self, name: str) -> tuple[LayerTensor, ...]:
        """The tensors of the one call of a layer.

        Raises:
            RectGradError: it was not called, or several times.
        """
        calls = self.calls.get(name, [])
        if not calls:
            raise RectGradError(
                f"layer {name!r} was not called in this forward pass, so nothing can be attributed "
                "to it; its forward may be bypassed, or this input may take another branch"
            )
        if len(calls) > 1:
            raise RectGradError(
                f"layer {name!r} was called {len(calls)} times in one forward pass, and each call "
                "has its own attribution; choose a layer around one of them, or give the model a "
                "module for each call"
            )
        return calls[0]

    def _counts(self) -> bool:
        return self.is_open and threading.get_ident() == self._thread and torch.is_grad_enabled()

    def _note(self, name: str, tensors: Sequence[Any]) -> tuple[Any, ...]:
        """Note the tensors of a call.

        Returns:
            What the model goes on with: the same, but for a tensor that no gradient would reach
            (an embedding with frozen weights), in whose place a graph begins.
        """
        kept, noted = list(tensors), []
        for i, tensor in enumerate(tensors):
            if not isinstance(tensor, Tensor) or not tensor.is_floating_point():
                continue
            reached = tensor
            if not tensor.requires_grad:
                # A copy, since nothing may be changed in place where a graph begins.
                kept[i] = reached = tensor.detach().requires_grad_().clone()
            # The value as it is now: the model may change it in place later.
            noted.append(
                LayerTensor(reached.clone(), get_gradient_edge(reached), f"layer {name!r}")
            )
        if not noted:
            raise RectGradError(
                f"layer {name!r} has no floating point tensor as its "
                f"{'input' if self.at_input else 'output'}; choose another layer"
            )
        self.calls.setdefault(name, []).append(tuple(noted))
        return tuple(kept)

    def _input_hook(self, name: str) -> Any:
        # Another thread may see the hook before it is registered to take keywords.
        def before(_: nn.Module, args: Arguments, kwargs: dict[str, Any] | None = None) -> Any:
            if kwargs is None or not self._counts():
                return None
            kept = self._note(name, (*args, *kwargs.values()))
            return kept[: len(args)], dict(zip(kwargs, kept[len(args) :], strict=True))

        return before

    def _output_hook(self, name: str) -> Any:
        def after(_: nn.Module, __: Arguments, output: Any) -> Any:
            if not self._counts():
                return None
            if isinstance(output, tuple | list) and type(output) in {tuple, list}:
                return type(output)(self._note(name, output))
            if isinstance(output, Tensor):
                return self._note(name, (output,))[0]
            raise RectGradError(
                f"layer {name!r} returned {type(output).__name__}, which has no attribution; "
                "choose a layer that returns a tensor, or a tuple or list of tensors"
            )

        return after
