"""The network of `--model`: by name, or of the user's own code, `MODULE:FUNCTION`."""

import importlib
import os
import sys
from pathlib import Path
from typing import Any

from torch import nn

import rectgrad_zoo
from captum_rectgrad.cli.known_names import is_own_model
from captum_rectgrad.explain.preprocessing import find_transform
from rectgrad_zoo.devices import parse_device
from rectgrad_zoo.weights import load_strictly, read_weights_file

_PAIR = 2


def load_model(name: str, weights: str | None, device: str) -> tuple[nn.Module, Any]:
    """Load the network of `--model`.

    Args:
        name: `MODULE:FUNCTION`, or a name as for `rectgrad_zoo.load`.
        weights: file with a state dict for the network, or None.
        device: name of the device.

    Returns:
        The network, in eval mode on the device, and its transform, as `given` of `find_transform`.

    Raises:
        ValueError: there is no such model or function, or its preprocessing is not known.
        TypeError: the function returned something other than a network.
        ZooError: the model is not available, or the weights do not fit.
    """
    if is_own_model(name):
        model, transform = load_own_model(name, weights, device)
    else:
        model, transform = rectgrad_zoo.load(name, weights=weights, device=device), None
    find_transform(model, transform)  # refuses a network whose preprocessing is not known
    return model, transform


def load_own_model(place: str, weights: str | None, device: str) -> tuple[nn.Module, Any]:
    """Call a function of the user's that returns a network.

    Args:
        place: `MODULE:FUNCTION`. The module is imported from the working directory, or is an
            installed one. The function has no arguments and returns a network, or a pair of a
            network and its transform.
        weights: file with a state dict for the network, or None.
        device: name of the device.

    Returns:
        The network, in eval mode on the device, and its transform, as for `show`; None if the
        function returns the network alone.

    Raises:
        ValueError: there is no such function, or it raised an error.
        TypeError: it returned something other than a network or a pair.
        ZooError: the weights cannot be read or do not fit.
    """
    target = parse_device(device)
    found = _call(place)
    model, transform = found if isinstance(found, tuple) and len(found) == _PAIR else (found, None)
    if not isinstance(model, nn.Module):
        raise TypeError(
            f"{place!r} returned a {type(model).__name__}, expected a torch.nn.Module, or a pair "
            "of it and its transform"
        )
    if weights is not None:
        tensors, _ = read_weights_file(Path(weights))
        load_strictly(model, tensors, weights)
    return model.to(target).eval(), transform


def find_own_modules() -> None:
    """Let modules in the working folder be imported, as `python -m` does."""
    if os.getcwd() not in sys.path:  # noqa: PTH109 (an entry of sys.path is a string)
        sys.path.insert(0, os.getcwd())  # noqa: PTH109


def _call(place: str) -> object:
    module, _, name = place.partition(":")
    find_own_modules()
    try:
        function = getattr(importlib.import_module(module), name)
    except Exception as error:
        raise ValueError(f"{place!r} cannot be imported: {_said(error)}") from error
    try:
        return function()
    except Exception as error:
        raise ValueError(
            f"{place!r} raised {_said(error)}; expected a function without arguments that returns "
            "a torch.nn.Module"
        ) from error


def _said(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
