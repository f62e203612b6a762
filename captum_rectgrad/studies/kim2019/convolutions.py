"""The activations that follow a network's convolutions, and their values."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from captum_rectgrad._engine.activations import is_activation
from captum_rectgrad.errors import RectGradError

Call = tuple[str, nn.Module, torch.Size]  # name, module, output shape
POOLINGS = (nn.MaxPool2d, nn.AvgPool2d)


@dataclass(frozen=True, eq=False)
class ConvolutionActivation:
    """An activation that follows a convolution.

    Attributes:
        name: name of the convolution.
        module: the activation.
        channels: number of its feature maps.
        size: height and width of its feature maps.
        handed_on: the module whose output is the next layer's input: the pooling after the
            activation if there is one, else the activation.
        handed_on_size: height and width of that output.
    """

    name: str
    module: nn.Module
    channels: int
    size: tuple[int, int]
    handed_on: nn.Module
    handed_on_size: tuple[int, int]


def convolution_activations(model: nn.Module, image: Tensor) -> tuple[ConvolutionActivation, ...]:
    """Find the activations of convolutions in a forward pass.

    An activation belongs to the last convolution called before it. Batch normalisation or a sum
    with a skip connection may be in between. Gates, whose maps have a single position, are
    excluded.

    Args:
        model: in eval mode; each of these activations, and the pooling after it, is a module that
            is called once.
        image: `(1, C, H, W)`, as the model takes it.

    Returns:
        The activations, in the order of the forward pass.

    Raises:
        RectGradError: there is none, or one is called several times; the error lists the calls.
    """
    calls: list[Call] = []

    def watch(name: str) -> Any:
        def after_call(module: nn.Module, _: object, output: Tensor) -> None:
            calls.append((name, module, output.shape))

        return after_call

    with ExitStack() as hooks, torch.inference_mode():
        for name, module in model.named_modules():
            if isinstance(module, (nn.Conv2d, *POOLINGS)) or is_activation(type(module)):
                hooks.callback(module.register_forward_hook(watch(name)).remove)
        model(image)
    found: list[ConvolutionActivation] = []
    convolution: str | None = None
    for number, (name, module, shape) in enumerate(calls):
        if isinstance(module, nn.Conv2d):
            convolution = name
        elif is_activation(type(module)) and convolution is not None and shape[2:].numel() > 1:
            after = calls[number + 1 : number + 2]
            pooled = bool(after) and isinstance(after[0][1], POOLINGS)
            _, handed_on, handed_on_shape = after[0] if pooled else calls[number]
            found.append(
                ConvolutionActivation(
                    convolution,
                    module,
                    shape[1],
                    _size(shape),
                    handed_on,
                    _size(handed_on_shape),
                )
            )
            convolution = None
    _check(found, calls)
    return tuple(found)


def _size(shape: torch.Size) -> tuple[int, int]:
    height, width = shape[2:]
    return height, width


def _check(found: Sequence[ConvolutionActivation], calls: Sequence[Call]) -> None:
    called = [f"{name} ({type(module).__name__})" for name, module, _ in calls]
    there_is = f"it calls, in order: {', '.join(called) or 'no convolution, no activation'}"
    if not found:
        raise RectGradError(
            "this study needs a network whose convolutions (nn.Conv2d) are followed by activation "
            f"modules (such as nn.ReLU, not F.relu); {there_is}"
        )
    times = Counter(module for _, module, _ in calls)
    if any(times[module] > 1 for layer in found for module in (layer.module, layer.handed_on)):
        raise RectGradError(
            "this study needs a network with an activation, and a pooling, of its own for each "
            f"convolution; {there_is}"
        )


@contextmanager
def outputs(modules: Sequence[nn.Module]) -> Iterator[list[Tensor]]:
    """Record the outputs of modules in the forward pass inside this context.

    Args:
        modules: each is called once.

    Yields:
        Their outputs, in the order of the calls, attached to the graph. The model continues with
        copies, so its in-place operations do not change the recorded outputs.
    """
    found: list[Tensor] = []

    def after_call(_: nn.Module, __: object, output: Tensor) -> Tensor:
        found.append(output)
        return output.clone()

    with ExitStack() as hooks:
        for module in modules:
            hooks.callback(module.register_forward_hook(after_call).remove)
        yield found
