"""A straightforward port of the paper's listings with hooks and `torch.quantile`.

The port supports modules only and modifies the model during the call. It is a reference for running
times, not for results.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

ACTIVATIONS = (nn.ReLU, nn.ReLU6)


class _Rectified(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor, a: Tensor, percentile: float) -> Tensor:  # noqa: ARG004
        ctx.save_for_backward(a)
        ctx.percentile = percentile
        return a.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (a,) = ctx.saved_tensors
        scores = (a * gradient).flatten(1)
        threshold = scores.quantile(ctx.percentile / 100, dim=1, keepdim=True)
        return gradient * (scores > threshold).view_as(gradient), None, None


def quantile_port(model: nn.Module, percentile: float) -> Callable[[Tensor, Tensor], Tensor]:
    """RectGrad with PR1 and the padding trick.

    Args:
        model: model with a separate module for each call of an activation.
        percentile: percentile in [0, 100].

    Returns:
        Function from images and targets to maps.
    """

    def attribute(images: Tensor, target: Tensor) -> Tensor:
        leaf = images.clone().requires_grad_()
        with _hooked(model, percentile):
            chosen = model(leaf).gather(1, target[:, None]).sum()
            (gradient,) = torch.autograd.grad(chosen, leaf)
        return (leaf * gradient).clamp(min=0).detach()

    return attribute


@contextmanager
def _hooked(model: nn.Module, percentile: float) -> Iterator[None]:
    def rectify(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        rectified: Tensor = _Rectified.apply(inputs[0], output.detach(), percentile)
        return rectified

    def pad(module: nn.Conv2d, _: object, output: Tensor) -> None:
        output.register_hook(lambda gradient: _without_border(gradient, module.padding))

    handles, in_place = [], []
    for module in model.modules():
        if isinstance(module, ACTIVATIONS):
            in_place.append((module, module.inplace))
            module.inplace = False
            handles.append(module.register_forward_hook(rectify))
        elif isinstance(module, nn.Conv2d):
            handles.append(module.register_forward_hook(pad))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
        for module, value in in_place:
            module.inplace = value


def _without_border(gradient: Tensor, padding: tuple[int, ...] | str) -> Tensor:
    if not isinstance(padding, str) and any(padding):
        gradient = gradient.clone()
        gradient[..., 0, :] = gradient[..., -1, :] = 0
        gradient[..., :, 0] = gradient[..., :, -1] = 0
    return gradient
