"""The modified gradient at hidden layers."""

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
    """The gradients at the inputs of layers, from one backward pass.

    Args:
        method: method with the rule. Its multiplication and final threshold are not applied.
        model: model to run; it may contain the method's model.
        layers: modules of the model by name, each called once.
        inputs: inputs `(N, ...)`, processed in one pass.
        objective: function from the model's output to the differentiated numbers, `(N,)`.

    Returns:
        For each layer, a tensor of the shape of its first input.
    """
    settings = replace(
        method.settings, multiply_by_inputs=False, final_threshold=False, absolute=False
    )
    request = AttributionRequest(
        model, settings, objective, layers, at_layer_input=True, to_layers=True
    )
    found = request.attributions(ForwardInputs((inputs,), None, ()))
    return [tensors[0] for tensors in found.groups]
