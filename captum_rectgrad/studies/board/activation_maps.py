"""Rows of class activation maps, of the last convolution: Captum's and pytorch-grad-cam's."""

from functools import partial
from weakref import WeakKeyDictionary

import torch
from captum.attr import GuidedBackprop, GuidedGradCam, LayerAttribution, LayerGradCam
from torch import Tensor, nn

from captum_rectgrad import GuidedBackprop as FunctionalGuidedBackprop
from captum_rectgrad.evaluation.captum_compatible import captum_compatible
from captum_rectgrad.evaluation.methods import MethodUnreliableError, check_hooks
from captum_rectgrad.studies.board.localisation import DisconnectedCells

# Names of the last convolutions, by model: a forward pass for each map would count as its cost.
_LAYERS: WeakKeyDictionary[nn.Module, str] = WeakKeyDictionary()


def last_convolution(model: nn.Module, x: Tensor) -> str:
    """Name of the last convolution of a forward pass whose output has a spatial extent.

    The forward pass is made once for a model.

    Args:
        model: in eval mode.
        x: `(N, C, H, W)`.

    Returns:
        The name, as in `named_modules`.

    Raises:
        MethodUnreliableError: there is none behind the first layer, or the model is a grid of
            separate networks.
    """
    if isinstance(model, DisconnectedCells):
        raise MethodUnreliableError(
            "a grid of separate networks has a last convolution in each cell, and none of the grid"
        )
    known = _LAYERS.get(model)
    if known is not None:
        return known
    called: list[str] = []
    hooks = [
        module.register_forward_hook(partial(_note, called, name))
        for name, module in model.named_modules()
        if isinstance(module, nn.Conv2d)
    ]
    try:
        with torch.no_grad():
            model(x[:1])
    finally:
        for hook in hooks:
            hook.remove()
    if len(called) < 2:  # noqa: PLR2004 (the first layer has seen edges only)
        raise MethodUnreliableError("the network has no convolution behind its first layer")
    _LAYERS[model] = called[-1]
    return called[-1]


def _note(called: list[str], name: str, _: nn.Module, __: object, output: Tensor) -> None:
    if min(output.shape[-2:]) > 1:
        called.append(name)


def _spread(maps: Tensor, x: Tensor) -> Tensor:
    """A map of one channel as attributions of the images' shape with this sum over channels."""
    return (maps / x.shape[1]).expand_as(x)


def grad_cam(model: nn.Module, x: Tensor, target: Tensor) -> Tensor:
    """Captum's LayerGradCam, interpolated to the size of the images.

    Args:
        model: in eval mode.
        x: `(N, C, H, W)`.
        target: `(N,)`.

    Returns:
        `(N, C, H, W)`.

    Raises:
        MethodUnreliableError: see `last_convolution`.
    """
    layer = model.get_submodule(last_convolution(model, x))
    found = LayerGradCam(model, layer).attribute(x, target=target, relu_attributions=True)
    size = (x.shape[-2], x.shape[-1])
    return _spread(LayerAttribution.interpolate(found, size, "bilinear"), x)


def layer_cam(model: nn.Module, x: Tensor, target: Tensor) -> Tensor:
    """pytorch-grad-cam's LayerCAM.

    Args:
        model: in eval mode.
        x: `(N, C, H, W)`.
        target: `(N,)`.

    Returns:
        `(N, C, H, W)`.

    Raises:
        MethodUnreliableError: pytorch-grad-cam is not installed; see also `last_convolution`.
    """
    try:
        from pytorch_grad_cam import LayerCAM  # noqa: PLC0415 (optional)
        from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise MethodUnreliableError(
            "pytorch-grad-cam is not installed: pip install grad-cam"
        ) from error
    layer = model.get_submodule(last_convolution(model, x))
    targets = [ClassifierOutputTarget(label) for label in target.tolist()]
    with LayerCAM(model=model, target_layers=[layer]) as method:
        found = method(input_tensor=x, targets=targets)
    return _spread(torch.from_numpy(found)[:, None].to(x), x)


def guided_grad_cam(model: nn.Module, x: Tensor, target: Tensor) -> Tensor:
    """Captum's GuidedGradCam, where Captum's guided backpropagation is correct.

    Args:
        model: in eval mode.
        x: `(N, C, H, W)`.
        target: `(N,)`.

    Returns:
        `(N, C, H, W)`.

    Raises:
        MethodUnreliableError: guided backpropagation is incorrect; see also `last_convolution`.
    """
    name = last_convolution(model, x)
    check_hooks(GuidedBackprop, FunctionalGuidedBackprop, "guided-bp", model, x, target)
    copied = captum_compatible(model)
    layer = copied.get_submodule(name)
    found: Tensor = GuidedGradCam(copied, layer).attribute(
        x, target=target, interpolate_mode="bilinear"
    )
    return found
