"""The activations of a network's convolutions: which there are, and their values."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from captum_rectgrad.activations import is_activation
from captum_rectgrad.errors import RectGradError


@dataclass(frozen=True, eq=False)
class ConvolutionActivation:
    """An activation that follows a convolution.

    Attributes:
        name: of the convolution.
        module: the activation.
        size: height and width of its feature maps.
    """

    name: str
    module: nn.Module
    size: tuple[int, int]


def convolution_activations(model: nn.Module, image: Tensor) -> tuple[ConvolutionActivation, ...]:
    """Find the activations of convolutions by watching a forward pass.

    An activation belongs to the convolution that was called last before it; batch normalisation or
    a sum with a skip connection may lie between. Gates, whose maps are a single position, are left
    out.

    Args:
        model: in eval mode; each of these activations is a module that is called once.
        image: `(1, C, H, W)`, as the model takes it.

    Returns:
        The activations, in the order of the forward pass.

    Raises:
        RectGradError: there is none, or one is called several times; the error names what there is.
    """
    calls: list[tuple[str, nn.Module, torch.Size]] = []

    def watch(name: str) -> Any:
        def after_call(module: nn.Module, _: object, output: Tensor) -> None:
            calls.append((name, module, output.shape))

        return after_call

    with ExitStack() as hooks, torch.inference_mode():
        for name, module in model.named_modules():
            if isinstance(module, nn.Conv2d) or is_activation(module):
                hooks.callback(module.register_forward_hook(watch(name)).remove)
        model(image)
    found: list[ConvolutionActivation] = []
    convolution: str | None = None
    for name, module, shape in calls:
        if isinstance(module, nn.Conv2d):
            convolution = name
        elif convolution is not None and shape[2:].numel() > 1:
            height, width = shape[2:]
            found.append(ConvolutionActivation(convolution, module, (height, width)))
            convolution = None
    _check(found, [f"{name} ({type(module).__name__})" for name, module, _ in calls])
    return tuple(found)


def _check(found: Sequence[ConvolutionActivation], called: Sequence[str]) -> None:
    there_is = f"it calls, in order: {', '.join(called) or 'no convolution, no activation'}"
    if not found:
        raise RectGradError(
            "this study needs a network whose convolutions (nn.Conv2d) are followed by activation "
            f"modules (such as nn.ReLU, not F.relu); {there_is}"
        )
    if len({layer.module for layer in found}) < len(found):
        raise RectGradError(
            "this study needs a network with an activation module of its own for each convolution; "
            f"{there_is}"
        )


@contextmanager
def outputs(modules: Sequence[nn.Module]) -> Iterator[list[Tensor]]:
    """Keep what modules return in the forward pass that runs inside.

    Args:
        modules: each is called once.

    Yields:
        Their outputs, in the order of the calls, still in the graph. The model goes on with copies,
        so that what it changes in place is not these.
    """
    found: list[Tensor] = []

    def after_call(_: nn.Module, __: object, output: Tensor) -> Tensor:
        found.append(output)
        return output.clone()

    with ExitStack() as hooks:
        for module in modules:
            hooks.callback(module.register_forward_hook(after_call).remove)
        yield found
