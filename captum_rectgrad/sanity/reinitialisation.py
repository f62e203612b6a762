"""Re-initialisation of layers with PyTorch's defaults."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import type_before_parametrizations

from captum_rectgrad.evaluation.seeds import derived_seed
from captum_rectgrad.sanity.parameter_layers import module_of, parametrised

# Forward passes in training mode: each improves the singular vectors of `spectral_norm`, which
# belong to the previous weights.
_POWER_ITERATIONS = 15  # the number that `spectral_norm` uses when it is applied to a layer


@dataclass(frozen=True)
class Reinitialised:
    """Parameters without a default initialisation, or unchanged by it.

    Attributes:
        drawn: names of parameters whose layer has no `reset_parameters`; they are drawn from a
            normal distribution with their mean and standard deviation.
        left: names of unchanged parameters: constant or with one element, set to the same values
            by `reset_parameters`, or computed by a parametrisation without an inverse.

    A tensor that a parametrisation computes, such as the weight of `weight_norm`, counts as one
    parameter.
    """

    drawn: tuple[str, ...]
    left: tuple[str, ...]


def reinitialise(model: nn.Module, layers: Sequence[str], seed: int) -> Reinitialised:
    """Re-initialise layers in place, including running statistics of normalisations.

    A layer's `reset_parameters` is used: PyTorch's default, without a later initialisation by the
    model's constructor. A normalisation then has weights 1 and biases 0, and is not random. If a
    layer has no `reset_parameters`, each parameter is drawn from a normal distribution with the
    parameter's mean and standard deviation; parameters with one element or equal elements do not
    change. Layers with parametrisations (`torch.nn.utils.parametrize`) are re-initialised without
    them, and the new values are assigned through `right_inverse`.

    Args:
        model: the model to change.
        layers: names from `parameter_layers`.
        seed: seed of the new parameters. A layer's parameters do not depend on the other layers;
            PyTorch's global generator is restored.

    Returns:
        Which parameters were drawn from normal distributions, and which are unchanged.
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
    """Copies of a module's own parameters and of tensors computed by parametrisations."""
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
    # `remove_parametrizations` is not used: it changes the class that the copy shares.
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
    """Assign to a module the parameters and statistics of its copy without parametrisations."""
    for tensors in (nn.Module.named_parameters, nn.Module.named_buffers):
        its = dict(tensors(plain, recurse=False))
        for name, mine in tensors(module, recurse=False):
            mine.copy_(its[name])
    for name in parametrised(module):
        try:
            setattr(module, name, getattr(plain, name).detach())
        except (RuntimeError, ValueError):  # no inverse, or no inverse for these values
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
    """The CUDA devices whose generators are used."""
    found = {parameter.device for parameter in module.parameters(recurse=False)}
    return [device for device in found if device.type == "cuda"]
