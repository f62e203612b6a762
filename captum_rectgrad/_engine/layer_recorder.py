"""Tensors of selected layers in one forward pass, with their gradient edges."""

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
        tensor: value, connected to the graph, so that a neuron can be selected from it.
        edge: edge of the graph with the total gradient of the tensor.
        name: name for messages.
    """

    tensor: Tensor
    edge: GradientEdge
    name: str


@dataclass
class LayerRecorder:
    """Records the calls of layers.

    Attributes:
        layers: layers by name.
        at_input: whether inputs are recorded instead of outputs.
        calls: tensors of each call of each layer, recorded in the forward pass.
        is_open: whether calls are recorded. A checkpoint repeats calls in the backward pass.
    """

    layers: Mapping[str, nn.Module]
    at_input: bool
    calls: dict[str, list[tuple[LayerTensor, ...]]] = field(default_factory=dict)
    is_open: bool = True
    _thread: int = field(default_factory=threading.get_ident)

    def record(self) -> Iterator[RemovableHandle]:
        """Register hooks on the layers.

        Yields:
            Handles, which the caller must remove.
        """
        for name, layer in self.layers.items():
            if self.at_input:
                hook = self._input_hook(name)
                yield layer.register_forward_pre_hook(hook, with_kwargs=True)
            else:
                yield layer.register_forward_hook(self._output_hook(name))

    def only(self, name: str) -> tuple[LayerTensor, ...]:
        """The tensors of the single call of a layer.

        Raises:
            RectGradError: the layer was not called exactly once.
        """
        calls = self.calls.get(name, [])
        if not calls:
            raise RectGradError(
                f"layer {name!r} was not called in this forward pass; choose a layer that the "
                "model calls for this input"
            )
        if len(calls) > 1:
            raise RectGradError(
                f"layer {name!r} was called {len(calls)} times in one forward pass, expected one "
                "call; choose a module around a single call, or use a separate module per call"
            )
        return calls[0]

    def _counts(self) -> bool:
        return self.is_open and threading.get_ident() == self._thread and torch.is_grad_enabled()

    def _note(self, name: str, tensors: Sequence[Any]) -> tuple[Any, ...]:
        """Record the tensors of a call.

        Returns:
            The tensors for the model. A tensor without a gradient, such as the result of a frozen
            embedding, is replaced by a leaf of the graph.
        """
        kept, noted = list(tensors), []
        for i, tensor in enumerate(tensors):
            if not isinstance(tensor, Tensor) or not tensor.is_floating_point():
                continue
            reached = tensor
            if not tensor.requires_grad:
                # A copy, since a leaf must not be modified in place.
                kept[i] = reached = tensor.detach().requires_grad_().clone()
            # A copy of the value, since the model may modify it in place later.
            noted.append(
                LayerTensor(reached.clone(), get_gradient_edge(reached), f"layer {name!r}")
            )
        if not noted:
            raise RectGradError(
                f"the {'input' if self.at_input else 'output'} of layer {name!r} contains no "
                "floating point tensor; choose another layer"
            )
        self.calls.setdefault(name, []).append(tuple(noted))
        return tuple(kept)

    def _input_hook(self, name: str) -> Any:
        # Another thread may call the hook before its registration for keywords is complete.
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
                f"layer {name!r} returned {type(output).__name__}, expected a tensor, or a tuple "
                "or list of tensors; choose another layer"
            )

        return after
