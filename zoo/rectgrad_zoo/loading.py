"""From a name to a network: the zoo's, a folder's, timm's or the Hub's."""

from pathlib import Path

import timm
import torch
from safetensors import SafetensorError
from timm.models import is_model_pretrained
from torch import nn

from rectgrad_zoo import registry
from rectgrad_zoo.checkpoint import RECIPE_FILE, build_architecture, load_folder
from rectgrad_zoo.efficientnet_lite import load_efficientnet_lite0
from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.naming import is_timm_name, unknown_name
from rectgrad_zoo.recipes import Recipe, read_recipe
from rectgrad_zoo.weights import load_strictly, read_weights_file

_FOLDER_PREFIX = "local-dir:"
_HUB_PREFIX = "hf-hub:"
_TIMM_OWNER = "timm/"


def load(
    name: str,
    *,
    weights: str | Path | None = None,
    device: str | torch.device | None = None,
    dtype: torch.dtype | None = None,
) -> nn.Module:
    """Load a pretrained network, in eval mode.

    Args:
        name: A name of the zoo (`rectgrad_zoo.list()`); the path of a checkpoint folder in timm's
            format; a name of timm's, such as `resnet50.tv_in1k`; or a Hub repository in timm's
            format, as `hf-hub:OWNER/NAME` or `timm/NAME`. The last two are downloaded by timm and
            the Hub's client (`HF_HOME`, `HF_ENDPOINT`, `HF_TOKEN`, `HF_HUB_OFFLINE` as everywhere).
        weights: A state dict on this machine to use instead of the published weights, as
            `.safetensors` or saved by `torch.save`; it must fit the architecture to the last
            tensor. Nothing is downloaded then but the configuration of a Hub repository.
        device: Where the network goes; the CPU by default.
        dtype: Floating-point type of the network; by default float32, or what timm builds.

    Returns:
        The network. `rectgrad_zoo.transform` gives its preprocessing, `rectgrad_zoo.labels` the
        names of its classes.

    Raises:
        TypeError: If the name is no text.
        ValueError: If the name is unknown (the error names the nearest), or the device is not here.
        ZooError: If the weights are absent, damaged, or do not fit, or cannot be downloaded.
    """
    if not isinstance(name, str):
        raise TypeError(f"The name of a model must be text, got {name!r}.")
    target = parse_device(device) if device is not None else None
    model = _pretrained(name) if weights is None else _with_weights(name, Path(weights))
    return model.to(device=target, dtype=dtype).eval()


def recipe(name: str) -> Recipe:
    """How a checkpoint was trained, with the patch its images carry, if any.

    Args:
        name: A name of the zoo or the path of a checkpoint folder.

    Returns:
        The recipe; its `occlusion` goes into `rectgrad_zoo.occlusion.occlude`.

    Raises:
        ValueError: If there is no such checkpoint.
        ZooError: If the checkpoint was not trained from a recipe of this package.
    """
    file = checkpoint_folder(name) / RECIPE_FILE
    if not file.is_file():
        raise ZooError(f"{name} has no {RECIPE_FILE}: it was not trained from a recipe.")
    return read_recipe(file)


def checkpoint_folder(name: str) -> Path:
    """Folder of a checkpoint that lies on this machine.

    Args:
        name: A name of the zoo or the path of a folder.

    Returns:
        The folder.

    Raises:
        ValueError: If there is no such checkpoint.
        ZooError: If it is one whose weights come from another package.
    """
    row = registry.find(name)
    if row is None:
        folder = _as_folder(name)
        if folder is None:
            raise ValueError(
                f"{name!r} is neither a checkpoint of the zoo ({', '.join(registry.names())}) nor "
                "a folder."
            )
        return folder
    if row.source != "embedded":
        raise ZooError(
            f"{name} has no folder here, no card and no claim of accuracy: its weights are another "
            "package's. Their SHA-256 is checked at every load."
        )
    return registry.embedded_folder(row)


def parse_device(device: str | torch.device) -> torch.device:
    """Check that PyTorch knows a device and that it is here.

    Args:
        device: For example `cpu`, `cuda`, `cuda:1`, `mps`.

    Returns:
        The device.

    Raises:
        ValueError: If it is not a device or not available.
    """
    try:
        parsed = torch.device(device)
        torch.empty(0, device=parsed)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).strip().split("\n")[0]
        raise ValueError(
            f"The device {str(device)!r} is not available ({reason}). Use cpu, or a device that "
            "this PyTorch supports on this machine."
        ) from error
    return parsed


def _as_folder(name: str) -> Path | None:
    folder = Path(name.removeprefix(_FOLDER_PREFIX)).expanduser()
    return folder if name.startswith(_FOLDER_PREFIX) or (name and folder.is_dir()) else None


def _hub_name(name: str) -> str | None:
    """The name in timm's spelling if it is a Hub repository's, else `None`."""
    if name.startswith(_HUB_PREFIX):
        return name
    return f"{_HUB_PREFIX}{name}" if name.startswith(_TIMM_OWNER) else None


def _pretrained(name: str) -> nn.Module:
    row = registry.find(name)
    if row is not None and row.source == "package":
        return load_efficientnet_lite0(row.sha256)
    if row is not None:
        return load_folder(registry.embedded_folder(row), row.sha256)
    if is_timm_name(name):
        if not is_model_pretrained(name):
            raise ZooError(
                f"timm has no pretrained weights for {name}. Give your own with weights=PATH, or "
                f"choose one of timm.list_pretrained()."
            )
        return _from_timm(name, pretrained=True)
    hub_name, folder = _hub_name(name), _as_folder(name)
    if folder is not None:
        return load_folder(folder)
    if hub_name is not None:
        return _from_timm(hub_name, pretrained=True)
    raise unknown_name(name)


def _with_weights(name: str, file: Path) -> nn.Module:
    tensors = read_weights_file(file)
    row, hub_name, folder = registry.find(name), _hub_name(name), _as_folder(name)
    if row is not None and row.source == "embedded":
        model = build_architecture(registry.embedded_folder(row))
    elif is_timm_name(name):
        model = timm.create_model(name)
    elif folder is not None:
        model = build_architecture(folder)
    elif hub_name is not None:
        model = _from_timm(hub_name, pretrained=False)
    else:
        raise unknown_name(name)
    load_strictly(model, tensors, str(file))
    return model


def _from_timm(name: str, *, pretrained: bool) -> nn.Module:
    """Let timm build and download; its errors in one line that says what to do."""
    try:
        return timm.create_model(name, pretrained=pretrained)
    except (OSError, SafetensorError, RuntimeError, ValueError, KeyError, TypeError) as error:
        # OSError is what the Hub's client raises for no connection, no such repository, no access;
        # the others are timm's for a repository that is not in its format.
        reason = " ".join(str(error).split())
        raise ZooError(
            f"Cannot get {name}: {type(error).__name__}: {reason} If this machine has no network, "
            "fetch it where there is one and copy the Hub's cache (HF_HOME), or give a state dict "
            "on this machine with weights=PATH. HF_HUB_OFFLINE=1 skips the attempts to connect, "
            "HF_ENDPOINT names a mirror."
        ) from error
