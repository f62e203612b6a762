"""Layers with new random parameters, as PyTorch makes them by default."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from captum_rectgrad.sanity.parameter_layers import module_of
from captum_rectgrad.seeds import derived_seed


@dataclass(frozen=True)
class Reinitialised:
    """What became of parameters that are not simply made anew.

    Attributes:
        drawn: names of those whose layer has no `reset_parameters`: drawn from a normal
            distribution with their mean and standard deviation.
        left: names of those that are as they were: of one element or of equal ones, or such that
            `reset_parameters` gives them the values that they had.
    """

    drawn: tuple[str, ...]
    left: tuple[str, ...]


def reinitialise(model: nn.Module, layers: Sequence[str], seed: int) -> Reinitialised:
    """Give layers new parameters, in place; statistics of normalisations begin anew too.

    A layer's `reset_parameters` decides: PyTorch's default, not what a model's own constructor does
    after it. A normalisation then has weights 1 and biases 0, and is not random. Where a layer has
    no `reset_parameters`, each of its own parameters is drawn from a normal distribution with that
    parameter's mean and standard deviation; of one element, or of equal ones, it stays as it is.

    Args:
        model: the model to change.
        layers: names, as `parameter_layers` gives them.
        seed: of what is drawn. A layer draws the same whichever others there are; PyTorch's global
            generator stays as it was.

    Returns:
        Which parameters were drawn from normal distributions, and which are as they were.
    """
    drawn: list[str] = []
    left: list[str] = []
    for layer in layers:
        module = module_of(model, layer)
        own = dict(module.named_parameters(recurse=False))
        before = {name: parameter.detach().clone() for name, parameter in own.items()}
        reset = getattr(module, "reset_parameters", None)
        with torch.random.fork_rng(devices=_devices(module)), torch.no_grad():
            torch.manual_seed(derived_seed(seed, layer))
            if callable(reset):
                reset()
            else:
                for parameter in own.values():
                    _draw(parameter)
        for name, parameter in module.named_parameters(recurse=False):
            full = name if module is model else f"{layer}.{name}"
            if torch.equal(parameter, before[name]):
                left.append(full)
            elif not callable(reset):
                drawn.append(full)
    return Reinitialised(tuple(drawn), tuple(left))


def _draw(parameter: nn.Parameter) -> None:
    if (parameter != parameter.flatten()[:1]).any():
        parameter.normal_(float(parameter.mean()), float(parameter.std()))


def _devices(module: nn.Module) -> list[torch.device]:
    """Those whose generators are used."""
    found = {parameter.device for parameter in module.parameters(recurse=False)}
    return [device for device in found if device.type == "cuda"]
