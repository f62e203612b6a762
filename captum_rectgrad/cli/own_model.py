"""Networks of the user's own code: `--model MODULE:FUNCTION`."""

import importlib
import os
import sys
from pathlib import Path

import torch
from timm.data.config import resolve_model_data_config
from torch import nn

from rectgrad_zoo.devices import parse_device
from rectgrad_zoo.weights import load_strictly, read_weights_file


def load_own_model(place: str, weights: str | None, device: str) -> nn.Module:
    """Call a function of the user's that returns a network.

    Args:
        place: `MODULE:FUNCTION`. The module is imported from the working directory, or is an
            installed one. The function has no arguments and returns a network.
        weights: file with a state dict for the network, or None.
        device: name of the device.

    Returns:
        The network, in eval mode on the device.

    Raises:
        ValueError: there is no such function, or it raised an error.
        TypeError: it returned something other than a network.
        ZooError: the weights cannot be read or do not fit.
    """
    target = parse_device(device)
    model = _call(place)
    if not isinstance(model, nn.Module):
        raise TypeError(f"{place!r} returned a {type(model).__name__}, expected a torch.nn.Module")
    if weights is not None:
        tensors, _ = read_weights_file(Path(weights))
        load_strictly(model, tensors, weights)
    return model.to(target).eval()


def name_classes(model: nn.Module, labels: list[str], file: Path) -> None:
    """Give a network other names of its classes.

    Args:
        model: a network with timm's configuration, in eval mode; its configuration is replaced.
        labels: one name per class.
        file: the file of the names, for the error.

    Raises:
        ValueError: the network has another number of classes.
    """
    size = resolve_model_data_config(model)["input_size"]
    with torch.no_grad():
        count = model(torch.zeros(1, *size, device=next(model.parameters()).device)).shape[1]
    if len(labels) != count:
        raise ValueError(
            f"the labels file {str(file)!r} has {len(labels)} names, but the model has {count} "
            "classes; give one name per class"
        )
    model.pretrained_cfg = {**model.pretrained_cfg, "label_names": labels}  # type: ignore[dict-item,assignment]


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
