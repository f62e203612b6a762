"""From a name to a network: the zoo's, a folder's, timm's or the Hub's."""

from pathlib import Path

import timm
import torch
from timm.models import get_pretrained_cfg
from torch import nn

from rectgrad_zoo import registry
from rectgrad_zoo.checkpoint import (
    CONFIG_FILE,
    RECIPE_FILE,
    architecture_name,
    build_architecture,
    load_folder,
)
from rectgrad_zoo.efficientnet_lite import load_efficientnet_lite0
from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.hub import cached, download, file_sha256
from rectgrad_zoo.hub_names import HubName, parse_hub_name
from rectgrad_zoo.naming import is_timm_name, unknown_name
from rectgrad_zoo.origins import ModelProvenance, amend, record
from rectgrad_zoo.recipes import Recipe, read_recipe
from rectgrad_zoo.weights import load_strictly, read_weights_file

_FOLDER_PREFIX = "local-dir:"


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
            format; a name of timm's, such as `resnet18.a1_in1k`; or a Hub repository in timm's
            format, as `timm/NAME`, `OWNER/NAME` or `hf-hub:OWNER/NAME`, with `@REVISION` after it
            or without. The last two are taken from the cache of the Hub's client, and downloaded
            into it if they are not there (`HF_HOME`, `HF_ENDPOINT`, `HF_TOKEN`, `HF_HUB_OFFLINE`
            as everywhere); only safetensors is.
        weights: A state dict on this machine to use instead of the published weights, as
            `.safetensors` or saved by `torch.save`; it must fit the architecture to the last
            tensor. Nothing is downloaded then but the configuration of a Hub repository.
        device: Where the network goes; the CPU by default.
        dtype: Floating-point type of the network; by default float32, or what timm builds.

    Returns:
        The network. `rectgrad_zoo.transform` gives its preprocessing, `rectgrad_zoo.labels` the
        names of its classes, `rectgrad_zoo.provenance` where the weights are from.

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
    """Folder of a checkpoint, downloaded if it is the Hub's and not in the cache.

    Args:
        name: A name of the zoo, the path of a folder, or a Hub repository as for `load`.

    Returns:
        The folder.

    Raises:
        ValueError: If there is no such checkpoint.
        ZooError: If it is one whose weights come from another package, or cannot be downloaded.
    """
    folder, hub = _local_folder(name), hub_source(name)
    if folder is not None:
        return folder
    if hub is not None:
        return (cached(hub[0]) or download(hub[0], name, hub[1])).folder
    if registry.find(name) is None:
        raise ValueError(
            f"{name!r} is neither a checkpoint of the zoo ({', '.join(registry.names())}), nor a "
            "folder, nor a repository on the Hub."
        )
    raise ZooError(
        f"{name} has no folder here, no card and no claim of accuracy: its weights are another "
        "package's. Their SHA-256 is checked at every load."
    )


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


def _local_folder(name: str) -> Path | None:
    """The checkpoint folder of a name that needs no download.

    The zoo's names and timm's come before a folder that is called the same; `./NAME` is the folder.
    """
    row = registry.find(name)
    if row is not None:
        return registry.local_folder(row)
    if is_timm_name(name):
        return None
    folder = Path(name.removeprefix(_FOLDER_PREFIX)).expanduser()
    return folder if name.startswith(_FOLDER_PREFIX) or (name and folder.is_dir()) else None


def hub_source(name: str) -> tuple[HubName, str | None] | None:
    """The repository on the Hub that a name is loaded from.

    Args:
        name: As for `load`.

    Returns:
        The repository and the SHA-256 its weights are held to, if the zoo names one; `None` if the
        name is not loaded from the Hub, or not known.

    Raises:
        ZooError: If the name is timm's but timm has no weights of it on the Hub, or it starts with
            `hf-hub:` but is malformed.
    """
    row = registry.find(name)
    if row is not None:
        if row.repo is None or registry.local_folder(row) is not None:
            return None
        return HubName(row.repo, row.revision, row.published), row.sha256
    if is_timm_name(name):
        return _timm_repository(name), None
    hub = None if _local_folder(name) else parse_hub_name(name)
    return None if hub is None else (hub, None)


def _timm_repository(name: str) -> HubName:
    config = get_pretrained_cfg(name)
    if config is not None and config.hf_hub_id:
        return HubName(config.hf_hub_id)
    url = config.url if config is not None else None
    reason = (
        f"timm has the weights of {name} as a pickle only ({url}), and only safetensors is "
        "downloaded. Download it yourself and give it"
        if url
        else f"timm has no pretrained weights for {name}. Give your own"
    )
    raise ZooError(f"{reason} with weights=PATH, or choose one of timm.list_pretrained().")


def _pretrained(name: str) -> nn.Module:
    row, folder, hub = registry.find(name), _local_folder(name), hub_source(name)
    if row is None and folder is not None:
        model = load_folder(folder)
    elif row is not None and folder is not None:
        source = "embedded" if row.source == "embedded" else "folder"
        model = amend(load_folder(folder, row.sha256), source=source, pinned=True)
    elif hub is not None:
        model = _from_hub(name, *hub)
    elif row is not None:
        model = load_efficientnet_lite0(row.sha256)
    else:
        raise unknown_name(name)
    return amend(model, name=name, data=row.data if row else None)


def _from_hub(name: str, hub: HubName, sha256: str | None) -> nn.Module:
    found = cached(hub) or download(hub, name, sha256)
    model = load_folder(
        found.folder,
        sha256 or found.stated_sha256,
        remedy=f"`rectgrad zoo fetch {name}` downloads it again.",
    )
    return amend(
        model, source="hub", repo=found.repo, commit=found.commit, pinned=sha256 is not None
    )


def _with_weights(name: str, file: Path) -> nn.Module:
    tensors = read_weights_file(file)
    folder = _local_folder(name)
    if folder is None and is_timm_name(name):
        model, architecture = timm.create_model(name), name.partition(".")[0]
    else:
        if folder is None:
            hub = hub_source(name)
            if hub is None:
                raise unknown_name(name)
            needed = (CONFIG_FILE,)
            folder = (cached(hub[0], needed) or download(hub[0], name, needed=needed)).folder
        model, architecture = build_architecture(folder), architecture_name(folder)
    load_strictly(model, tensors, str(file))
    origin = ModelProvenance(
        name=name, source="file", architecture=architecture, sha256=file_sha256(file)
    )
    return record(model, origin)
