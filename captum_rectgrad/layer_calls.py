"""What went through chosen layers in one forward pass, and where its gradient will arrive."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge

from captum_rectgrad.errors import RectGradError
from captum_rectgrad.rectified_pass import RectifiedPass

Arguments = tuple[Any, ...]


@dataclass(frozen=True)
class Point:
    """A tensor that an output is attributed to.

    Attributes:
        tensor: its value; still in the graph, so that a neuron can be chosen from it.
        edge: where in the graph its gradient arrives, from all that used it.
        name: what it is, for messages.
    """

    tensor: Tensor
    edge: GradientEdge
    name: str

    @classmethod
    def at(cls, tensor: Tensor, name: str) -> "Point":
        """The point of a tensor that requires grad and is not changed in place later."""
        return cls(tensor, get_gradient_edge(tensor), name)


@dataclass
class LayerCalls:
    """The calls of some layers.

    Attributes:
        layers: the layers by name.
        at_input: whether it is their inputs that matter, or their outputs.
        points: filled by the forward pass: for each call of each layer, its tensors.
        open: whether calls still count: a checkpointed layer is called again by the backward pass.
    """

    layers: Mapping[str, nn.Module]
    at_input: bool
    points: dict[str, list[tuple[Point, ...]]] = field(default_factory=dict)
    open: bool = True

    def tensors(self) -> list[Tensor]:
        """All that was recorded."""
        return [point.tensor for calls in self.points.values() for call in calls for point in call]

    def only(self, name: str) -> tuple[Point, ...]:
        """The tensors of the one call of a layer.

        Raises:
            RectGradError: it was not called, or several times.
        """
        calls = self.points.get(name, [])
        if not calls:
            raise RectGradError(
                f"layer {name!r} was not called in this forward pass, so nothing can be attributed "
                "to it; its forward may be bypassed, or this input may take another branch"
            )
        if len(calls) > 1:
            raise RectGradError(
                f"layer {name!r} was called {len(calls)} times in one forward pass, and its calls "
                "have attributions of their own; choose a layer around one of them, or give the "
                "model a module for each call"
            )
        return calls[0]

    def note(self, name: str, tensors: Sequence[Any]) -> tuple[Any, ...]:
        """Note the tensors of a call.

        Returns:
            What the model is to go on with: the same, but for a tensor that no gradient would
            reach (an embedding with frozen weights), in whose place the graph begins.
        """
        kept, points = list(tensors), []
        for i, tensor in enumerate(tensors):
            if not isinstance(tensor, Tensor) or not tensor.is_floating_point():
                continue
            reached = tensor
            if not tensor.requires_grad:
                # A copy, since nothing may be changed in place where a graph begins.
                kept[i] = reached = tensor.detach().requires_grad_().clone()
            # The value as it is now: the model may change it in place later.
            points.append(Point(reached.clone(), get_gradient_edge(reached), f"layer {name!r}"))
        if not points:
            raise RectGradError(
                f"layer {name!r} has no floating point tensor as its "
                f"{'input' if self.at_input else 'output'}; choose another layer"
            )
        self.points.setdefault(name, []).append(tuple(points))
        return tuple(kept)


@contextmanager
def recorded(
    layers: Mapping[str, nn.Module], state: RectifiedPass, *, at_input: bool
) -> Iterator[LayerCalls]:
    """Record the calls of layers in the forward pass that runs inside.

    To be entered before the rules are put onto the model: an input is to be seen before they
    replace it, an output after.

    Args:
        layers: by name, modules of the model.
        state: the pass, to tell its calls from those of other threads.
        at_input: record the inputs instead of the outputs.
    """
    calls = LayerCalls(layers, at_input)
    with ExitStack() as hooks:
        for name, layer in layers.items():
            if at_input:
                handle = layer.register_forward_pre_hook(
                    _input_hook(name, calls, state), with_kwargs=True
                )
            else:
                handle = layer.register_forward_hook(_output_hook(name, calls, state))
            hooks.callback(handle.remove)
        yield calls


def _counts(calls: LayerCalls, state: RectifiedPass) -> bool:
    return calls.open and not state.foreign() and torch.is_grad_enabled()


def _input_hook(name: str, calls: LayerCalls, state: RectifiedPass) -> Any:
    # `kwargs` is optional since another thread may see the hook before it is registered for them.
    def before_call(_: nn.Module, args: Arguments, kwargs: dict[str, Any] | None = None) -> Any:
        if kwargs is None or not _counts(calls, state):
            return None
        kept = calls.note(name, (*args, *kwargs.values()))
        return kept[: len(args)], dict(zip(kwargs, kept[len(args) :], strict=True))

    return before_call


def _output_hook(name: str, calls: LayerCalls, state: RectifiedPass) -> Any:
    def after_call(_: nn.Module, __: Arguments, output: Any) -> Any:
        if not _counts(calls, state):
            return None
        if isinstance(output, tuple | list) and type(output) in {tuple, list}:
            return type(output)(calls.note(name, output))
        if isinstance(output, Tensor):
            return calls.note(name, (output,))[0]
        raise RectGradError(
            f"layer {name!r} returned {type(output).__name__}, which has no attribution; choose a "
            "layer that returns a tensor, or a tuple or list of tensors"
        )

    return after_call
