"""Layers as they were before training."""

from collections.abc import Sequence

import torch
from torch import nn

from captum_rectgrad.sanity.parameter_layers import module_of
from captum_rectgrad.seeds import derived_seed


def reinitialise(model: nn.Module, layers: Sequence[str], seed: int) -> list[str]:
    """Give layers new parameters, in place; statistics of normalisations begin anew too.

    A layer's `reset_parameters` decides, as when it was made. Where it has none, each of its own
    parameters is drawn from a normal distribution with that parameter's mean and standard
    deviation; a parameter of one element, or of equal ones, stays as it is.

    Args:
        model: the model to change.
        layers: names, as `parameter_layers` gives them.
        seed: of what is drawn. A layer draws the same whichever others there are; PyTorch's global
            generator stays as it was.

    Returns:
        Names of the parameters whose layer has no `reset_parameters`.
    """
    undefined: list[str] = []
    for layer in layers:
        module = module_of(model, layer)
        with torch.random.fork_rng(devices=_devices(module)), torch.no_grad():
            torch.manual_seed(derived_seed(seed, layer))
            reset = getattr(module, "reset_parameters", None)
            if callable(reset):
                reset()
                continue
            prefix = "" if module is model else f"{layer}."
            for name, parameter in module.named_parameters(recurse=False):
                undefined.append(f"{prefix}{name}")
                if parameter.numel() > 1:
                    parameter.normal_(float(parameter.mean()), float(parameter.std()))
    return undefined


def _devices(module: nn.Module) -> list[torch.device]:
    """Those whose generators are used."""
    found = {parameter.device for parameter in module.parameters(recurse=False)}
    return [device for device in found if device.type == "cuda"]
