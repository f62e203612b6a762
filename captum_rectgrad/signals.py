"""The gradient at hidden layers, as a rule has it on its way to the input."""

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor, nn

from captum_rectgrad.attribution import Objective, Query
from captum_rectgrad.batching import Call
from captum_rectgrad.modified_gradient import ModifiedGradient


def backward_signals(
    method: ModifiedGradient,
    model: nn.Module,
    layers: Mapping[str, nn.Module],
    inputs: Tensor,
    objective: Objective,
) -> list[Tensor]:
    """What arrives at the inputs of layers, all of one backward pass.

    Args:
        method: whose rule changes the gradient; what it does at the end is left out.
        model: which is run, perhaps around the method's own.
        layers: modules of it, by any name, each called once.
        inputs: `(N, ...)`, all at once in memory.
        objective: from the model's output to the numbers that are differentiated, `(N,)`.

    Returns:
        For each layer a tensor of the shape of its (first) input.
    """
    settings = replace(method.settings, multiply_by_inputs=False, final_threshold=False)
    query = Query(model, settings, objective, layers, at_layer_input=True, to_layers=True)
    maps, _ = query.attributions(Call((inputs,), None, ()))
    return [tensors[0] for tensors in maps]
