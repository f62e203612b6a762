"""Layers with new random parameters, as PyTorch makes them by default."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import type_before_parametrizations

from captum_rectgrad.evaluation.seeds import derived_seed
from captum_rectgrad.sanity.parameter_layers import module_of, parametrised

# Forward passes in training mode: in each `spectral_norm` improves its singular vectors, which
# belonged to the weights that were.
_POWER_ITERATIONS = 15  # as many as when it is put onto a layer


@dataclass(frozen=True)
class Reinitialised:
    """What became of parameters that are not simply made anew.

    Attributes:
        drawn: names of those whose layer has no `reset_parameters`: drawn from a normal
            distribution with their mean and standard deviation.
        left: names of those that are as they were: of one element or of equal ones, such that
            `reset_parameters` gives them the values that they had, or of a parametrisation that has
            no inverse.

    What a parametrisation computes, as `weight_norm` the weight, counts as one parameter.
    """

    drawn: tuple[str, ...]
    left: tuple[str, ...]


def reinitialise(model: nn.Module, layers: Sequence[str], seed: int) -> Reinitialised:
    """Give layers new parameters, in place; statistics of normalisations begin anew too.

    A layer's `reset_parameters` decides: PyTorch's default, not what a model's own constructor does
    after it. A normalisation then has weights 1 and biases 0, and is not random. Where a layer has
    no `reset_parameters`, each of its own parameters is drawn from a normal distribution with that
    parameter's mean and standard deviation; of one element, or of equal ones, it stays as it is.
    With parametrisations (`torch.nn.utils.parametrize`) that is done to the layer without them, and
    their `right_inverse` takes the new values.

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
        before = _values(module)
        reset: object = getattr(module, "reset_parameters", None)
        with torch.random.fork_rng(devices=_devices(module)), torch.no_grad():
            torch.manual_seed(derived_seed(seed, layer))
            if parametrised(module):
                plain = _plain(module)
                _reset(plain)
                _take(module, plain)
            else:
                _reset(module)
        for name, value in _values(module).items():
            full = name if module is model else f"{layer}.{name}"
            if torch.equal(value, before[name]):
                left.append(full)
            elif not callable(reset):
                drawn.append(full)
    return Reinitialised(tuple(drawn), tuple(left))


def _values(module: nn.Module) -> dict[str, Tensor]:
    """Copies of its own parameters, and of what parametrisations compute."""
    own: dict[str, Tensor] = dict(module.named_parameters(recurse=False))
    own |= {name: getattr(module, name) for name in parametrised(module)}
    return {name: value.detach().clone() for name, value in own.items()}


def _reset(module: nn.Module) -> None:
    reset = getattr(module, "reset_parameters", None)
    if callable(reset):
        reset()
    else:
        for parameter in module.parameters(recurse=False):
            _draw(parameter)


def _plain(module: nn.Module) -> nn.Module:
    """A copy without parametrisations."""
    # Not by `remove_parametrizations`, which changes the class that the copy shares with `module`.
    plain = copy.deepcopy(module)
    plain.__class__ = type_before_parametrizations(module)
    del plain.parametrizations
    learnt = parametrised(module)
    for name, _ in module.get_submodule("parametrizations").named_children():
        value = getattr(module, name).detach().clone()
        if name in learnt:
            plain.register_parameter(name, nn.Parameter(value))
        else:
            plain.register_buffer(name, value)
    return plain


def _take(module: nn.Module, plain: nn.Module) -> None:
    """Give a module the parameters and statistics of its copy without parametrisations."""
    for tensors in (nn.Module.named_parameters, nn.Module.named_buffers):
        its = dict(tensors(plain, recurse=False))
        for name, mine in tensors(module, recurse=False):
            mine.copy_(its[name])
    for name in parametrised(module):
        try:
            setattr(module, name, getattr(plain, name).detach())
        except (RuntimeError, ValueError):  # it has no inverse, or not of these values
            continue
        how = module.get_submodule(f"parametrizations.{name}")
        training = how.training
        how.train()
        for _ in range(_POWER_ITERATIONS):
            how()
        how.train(training)


def _draw(parameter: nn.Parameter) -> None:
    if (parameter != parameter.flatten()[:1]).any():
        parameter.normal_(float(parameter.mean()), float(parameter.std()))


def _devices(module: nn.Module) -> list[torch.device]:
    """Those whose generators are used."""
    found = {parameter.device for parameter in module.parameters(recurse=False)}
    return [device for device in found if device.type == "cuda"]
