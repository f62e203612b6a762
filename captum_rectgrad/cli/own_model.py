"""Networks of the user's own code: `--model MODULE:FUNCTION`."""

import importlib
import os
import sys
from pathlib import Path
from typing import Any

from torch import nn

from rectgrad_zoo.devices import parse_device
from rectgrad_zoo.weights import load_strictly, read_weights_file

_PAIR = 2


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


def _call(place: str) -> object:
    module, _, name = place.partition(":")
    if os.getcwd() not in sys.path:  # noqa: PTH109 (an entry of sys.path is a string)
        sys.path.insert(0, os.getcwd())  # noqa: PTH109
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
