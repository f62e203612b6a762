"""Saliency and RectGrad of a network's layers, by two definitions (for figures 6 and 14)."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from captum_rectgrad import LayerRectGrad
from captum_rectgrad.studies.kim2019.convolutions import outputs

# Takes a model, its modules in the order of their calls, inputs `(N, C, H, W)` and targets `(N,)`;
# returns the attributions of the modules' outputs from one backward pass.
LayerMethod = Callable[[nn.Module, Sequence[nn.Module], Tensor, Tensor], list[Tensor]]


def layer_saliency(
    model: nn.Module, modules: Sequence[nn.Module], inputs: Tensor, targets: Tensor
) -> list[Tensor]:
    """The gradient of a logit with respect to modules' outputs, in one backward pass.

    Args:
        model: in eval mode.
        modules: modules of the model, in the order of their calls.
        inputs: `(N, C, H, W)`.
        targets: the classes, `(N,)`.

    Returns:
        For each module a tensor of the shape of its output.
    """
    return [gradient for gradient, _ in _gradients(model, modules, inputs, targets)]


def layer_gradient_times_value(
    model: nn.Module, modules: Sequence[nn.Module], inputs: Tensor, targets: Tensor
) -> list[Tensor]:
    """The gradient times the modules' outputs; arguments as for `layer_saliency`."""
    found = _gradients(model, modules, inputs, targets)
    return [gradient * value.detach() for gradient, value in found]


def _gradients(
    model: nn.Module, modules: Sequence[nn.Module], inputs: Tensor, targets: Tensor
) -> list[tuple[Tensor, Tensor]]:
    with outputs(modules) as found, torch.enable_grad():
        logits = model(inputs.detach().requires_grad_())
        chosen = logits.gather(1, targets[:, None]).sum()
        return list(zip(torch.autograd.grad(chosen, found), found, strict=True))


def layer_rectgrad(
    model: nn.Module,
    modules: Sequence[nn.Module],
    inputs: Tensor,
    targets: Tensor,
    *,
    multiply_by_inputs: bool = True,
) -> list[Tensor]:
    """RectGrad of modules' outputs in one backward pass, without final threshold.

    Args:
        model: see `layer_saliency`.
        modules: see `layer_saliency`.
        inputs: see `layer_saliency`.
        targets: see `layer_saliency`.
        multiply_by_inputs: whether gradients are multiplied by the modules' outputs.

    Returns:
        For each module a tensor of the shape of its output.
    """
    method = LayerRectGrad(
        model, modules, multiply_by_inputs=multiply_by_inputs, final_threshold=False
    )
    found: list[Tensor] = method.attribute(inputs, target=targets)
    return [attribution.detach() for attribution in found]


METHODS: dict[str, LayerMethod] = {
    "Saliency": layer_saliency,
    "NoBias RectGrad": partial(layer_rectgrad, multiply_by_inputs=False),
    "Gradient * Value": layer_gradient_times_value,
    "RectGrad": layer_rectgrad,
}

# By definition of a layer's attribution: the plain method, and RectGrad. A claim compares two
# methods of one definition, since the multiplication by a layer's values moves attribution, too.
DEFINITIONS = {
    "gradient": ("Saliency", "NoBias RectGrad"),
    "value times gradient": ("Gradient * Value", "RectGrad"),
}
