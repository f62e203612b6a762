"""Loading of networks by name, from the zoo, a folder, timm or the Hub."""

from pathlib import Path

import timm
import torch
from torch import nn

from rectgrad_zoo.architectures.efficientnet_lite import load_efficientnet_lite0
from rectgrad_zoo.checkpoint import (
    CONFIG_FILE,
    RECIPE_FILE,
    architecture_name,
    build_architecture,
    load_folder,
)
from rectgrad_zoo.devices import parse_device
from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.hub.download import Snapshot, cached, download, keep
from rectgrad_zoo.hub.names import HubName
from rectgrad_zoo.model_names import is_timm_name
from rectgrad_zoo.sources import Source, resolve, without_weights
from rectgrad_zoo.training.recipes import Recipe, read_recipe
from rectgrad_zoo.weights import load_strictly, read_weights_file
from rectgrad_zoo.weights_origin import ModelProvenance, amend, record


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
            format; a name of timm, such as `resnet18.a1_in1k`; or a Hub repository in timm's
            format, as `timm/NAME`, `OWNER/NAME` or `hf-hub:OWNER/NAME`, optionally followed by
            `@REVISION`. Checkpoints of the zoo are read from this package or, in a checkout of
            the project's repository, from `zoo/hub/NAME`. Repositories are read from the cache of
            `huggingface_hub`, or downloaded into it (`HF_HOME`, `HF_ENDPOINT`, `HF_TOKEN` and
            `HF_HUB_OFFLINE` apply). Only safetensors files are downloaded. A name of the zoo or
            of timm determines the architecture, independently of the repository's configuration.
        weights: A state dict on this machine instead of the published weights, in `.safetensors`
            or `torch.save` format. It must fit the architecture exactly. Only the configuration of
            a Hub repository is downloaded in this case.
        device: Device of the network; the CPU by default.
        dtype: Floating-point type of the network; by default that of timm, usually float32.

    Returns:
        The network. `rectgrad_zoo.transform` returns its preprocessing, `rectgrad_zoo.labels` the
        names of its classes, and `rectgrad_zoo.provenance` the source of its weights.

    Raises:
        TypeError: If the name is not a string.
        ValueError: If the name is unknown (the message lists the nearest known names), or the
            device is not available.
        ZooError: If the weights are absent or damaged, do not fit, or cannot be downloaded.

    Examples:
        >>> import rectgrad_zoo, torch
        >>> model = rectgrad_zoo.load("cifar10_cnn")
        >>> model(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 10])
    """
    target = parse_device(device) if device is not None else None
    source = resolve(name)
    model = _pretrained(source) if weights is None else _with_weights(source, Path(weights))
    return model.to(device=target, dtype=dtype).eval()


def recipe(name: str) -> Recipe:
    """The training recipe of a checkpoint.

    Args:
        name: A name of the zoo, the path of a checkpoint folder, or a Hub repository as for `load`,
            downloaded if it is not in the cache.

    Returns:
        The recipe. Its `occlusion` is an argument of `rectgrad_zoo.data.occlusion.occlude`.

    Raises:
        ValueError: If the name is unknown.
        ZooError: If the checkpoint has no recipe or cannot be downloaded.

    Examples:
        >>> import rectgrad_zoo
        >>> rectgrad_zoo.recipe("cifar10_cnn").architecture
        'cifar10_cnn'
    """
    file = checkpoint_folder(name) / RECIPE_FILE
    if not file.is_file():
        raise ZooError(
            f"{name} has no {RECIPE_FILE}. Expected a checkpoint trained from a recipe of "
            "rectgrad_zoo."
        )
    return read_recipe(file)


def checkpoint_folder(name: str) -> Path:
    """Folder of a checkpoint. A Hub repository that is not in the cache is downloaded.

    Args:
        name: A name of the zoo, the path of a folder, or a Hub repository as for `load`.

    Returns:
        The folder.

    Raises:
        ValueError: If the name is unknown.
        ZooError: If the weights come from another package, or cannot be downloaded.
    """
    source = resolve(name)
    if source.folder is not None:
        return source.folder
    if source.hub is not None:
        found = cached(source.hub)
        if found is None:
            _, found = fetched(source, source.hub)
        else:
            found.check_texts(_remedy(source))
        return found.folder
    if source.kind == "timm":
        raise without_weights(name)
    raise ZooError(
        f"{name} has no checkpoint folder, so there is no card and no accuracy to verify: another "
        "package contains the weights. Their SHA-256 is checked at every load."
    )


def fetched(source: Source, hub: HubName) -> tuple[nn.Module, Snapshot]:
    """Download a checkpoint from the Hub and load it.

    The cache refers to the new commit after a successful load only.

    Args:
        source: Source of the checkpoint.
        hub: Repository of the checkpoint.

    Returns:
        The network, as from `load_snapshot`, and its files.

    Raises:
        UnreachableError: If the Hub cannot be reached.
        ZooError: If the download or the load fails. The previous files in the cache stay in use.
    """
    found = download(hub, source.name, source.sha256)
    model = load_snapshot(source, found)
    keep(hub, found)
    return model, found


def load_snapshot(source: Source, found: Snapshot) -> nn.Module:
    """Load a checkpoint from the cache of `huggingface_hub`.

    Args:
        source: Source of the checkpoint.
        found: Files in the cache.

    Returns:
        The network, float32, on the CPU, with its provenance.

    Raises:
        ZooError: If a file is damaged, or the tensors do not fit the architecture.
    """
    remedy = _remedy(source)
    found.check_texts(remedy)
    sha256 = source.sha256 or found.stated_sha256
    model = load_folder(found.folder, sha256, remedy, source.architecture)
    return _amended(amend(model, repo=found.repo, commit=found.commit), source)


def _remedy(source: Source) -> str:
    return f"Run `rectgrad zoo fetch {source.name}` to download it again."


def _pretrained(source: Source) -> nn.Module:
    if source.hub is not None:
        found = cached(source.hub)
        return load_snapshot(source, found) if found else fetched(source, source.hub)[0]
    if source.kind == "timm":
        raise without_weights(source.name)
    if source.folder is None:
        return _amended(load_efficientnet_lite0(source.sha256), source)
    own = "Reinstall captum-rectgrad, or restore the file in your checkout."
    model = load_folder(source.folder, source.sha256, own, source.architecture)
    return _amended(model, source)


def _amended(model: nn.Module, source: Source) -> nn.Module:
    return amend(
        model,
        name=source.name,
        source=source.kind,
        pinned=source.sha256 is not None,
        data=source.row.data if source.row is not None else None,
    )


def _with_weights(source: Source, file: Path) -> nn.Module:
    tensors, sha256 = read_weights_file(file)
    folder, there = source.folder, None
    if source.hub is not None and not is_timm_name(source.name):
        needed = (CONFIG_FILE,)
        there = cached(source.hub, needed) or download(source.hub, source.name, needed=needed)
        there.check_texts(_remedy(source))
        folder = there.folder
    if folder is None:
        model, architecture = timm.create_model(source.name), str(source.architecture)
    else:
        model = build_architecture(folder, source.architecture)
        architecture = source.architecture or architecture_name(folder)
    if source.hub is not None and there is not None:
        keep(source.hub, there)
    load_strictly(model, tensors, str(file))
    origin = ModelProvenance(
        name=source.name, source="file", architecture=architecture, sha256=sha256
    )
    return record(model, origin)
