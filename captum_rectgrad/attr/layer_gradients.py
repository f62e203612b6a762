"""The gradient at hidden layers under the rule of a method."""

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor, nn

from captum_rectgrad._engine.attribution import AttributionRequest, Objective
from captum_rectgrad._engine.forward_inputs import ForwardInputs
from captum_rectgrad.attr.base import ModifiedGradient


def layer_gradients(
    method: ModifiedGradient,
    model: nn.Module,
    layers: Mapping[str, nn.Module],
    inputs: Tensor,
    objective: Objective,
) -> list[Tensor]:
    """The gradients at the inputs of layers, all of one backward pass.

    Args:
        method: whose rule changes the gradient; its final steps are left out.
        model: which is run, perhaps around the method's own.
        layers: modules of it, by any name, each called once.
        inputs: `(N, ...)`, all at once in memory.
        objective: from the model's output to the numbers that are differentiated, `(N,)`.

    Returns:
        For each layer a tensor of the shape of its (first) input.
    """
    settings = replace(
        method.settings, multiply_by_inputs=False, final_threshold=False, absolute=False
    )
    request = AttributionRequest(
        model, settings, objective, layers, at_layer_input=True, to_layers=True
    )
    found = request.attributions(ForwardInputs((inputs,), None, ()))
    return [tensors[0] for tensors in found.groups]
