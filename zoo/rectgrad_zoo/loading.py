"""Loading of networks by name, from the zoo, a folder, timm or the Hub."""

from functools import partial
from pathlib import Path
from typing import Any

import timm
import torch
from torch import nn

from rectgrad_zoo.architectures.efficientnet_lite import load_efficientnet_lite
from rectgrad_zoo.architectures.transformers_classifier import (
    architecture_of,
    is_transformers_folder,
    load_classifier,
)
from rectgrad_zoo.checkpoint import (
    CONFIG_FILE,
    METRICS_FILE,
    RECIPE_FILE,
    WEIGHTS_FILE,
    architecture_name,
    build_architecture,
    load_folder,
    stated_sha256,
)
from rectgrad_zoo.devices import parse_device
from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.hub.cache import Snapshot, cached, keep
from rectgrad_zoo.hub.download import download
from rectgrad_zoo.hub.names import HubName
from rectgrad_zoo.model_names import is_timm_name
from rectgrad_zoo.network_size import NetworkSizeLimit
from rectgrad_zoo.sources import Source, resolve, without_weights
from rectgrad_zoo.training.recipes import Recipe, read_recipe
from rectgrad_zoo.weights import load_strictly, number_of_classes, read_weights_file
from rectgrad_zoo.weights_origin import ModelProvenance, amend, record


def load(
    name: str,
    *,
    weights: str | Path | None = None,
    num_classes: int | None = None,
    device: str | torch.device | None = None,
    dtype: torch.dtype | None = None,
) -> nn.Module:
    """Load a pretrained network, in eval mode.

    Args:
        name: A name of the zoo (`rectgrad_zoo.list()`); the path of a folder in timm's format or as
            from `save_pretrained` of transformers; a name of timm, such as `resnet18.a1_in1k`; or a
            Hub repository in one of these formats, as `timm/NAME`, `OWNER/NAME` or `hf:OWNER/NAME`,
            optionally followed by `@REVISION`. Networks of transformers must be image classifiers
            and need the extra `transformers`. They return their logits. Checkpoints of the zoo are
            read from this package or, in a checkout of the project's repository, from
            `zoo/hub/NAME`. Repositories are read from the cache of `huggingface_hub`, or downloaded
            into it (`HF_HOME`, `HF_ENDPOINT`, `HF_TOKEN` and `HF_HUB_OFFLINE` apply). Only
            safetensors files are downloaded, and code of a repository is never run. A name of the
            zoo or of timm determines the architecture, independently of the repository's
            configuration.
        weights: A state dict on this machine instead of the published weights, in `.safetensors`
            or `torch.save` format. It must fit the architecture exactly, except for the number of
            classes. Only the configuration of a Hub repository is downloaded in this case.
        num_classes: Number of classes of `weights`. By default it is inferred from the shapes of
            the tensors.
        device: Device of the network; the CPU by default.
        dtype: Floating-point type of the network; by default that of timm, usually float32.

    Returns:
        The network. `rectgrad_zoo.transform` returns its preprocessing, `rectgrad_zoo.labels` the
        names of its classes, and `rectgrad_zoo.provenance` the source of its weights.

    Raises:
        TypeError: If the name is not a string.
        ValueError: If the name is unknown (the message lists the nearest known names), the device
            is not available, or `num_classes` is given without `weights` or is below 1.
        ZooError: If the weights are absent or damaged, do not fit, or cannot be downloaded.

    Examples:
        >>> import rectgrad_zoo, torch
        >>> model = rectgrad_zoo.load("cifar10_cnn")
        >>> model(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 10])
    """
    target = parse_device(device) if device is not None else None
    if num_classes is not None and (weights is None or num_classes < 1):
        raise ValueError(
            f"got num_classes={num_classes} and weights={weights!r}, expected a number of at least "
            "1, together with the weights of a network with this number of classes"
        )
    source = resolve(name)
    if weights is None:
        model = _pretrained(source)
    else:
        model = _with_weights(source, Path(weights), num_classes)
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
    if sha256 is None:  # another program's download, to a file system without symbolic links
        found.check([WEIGHTS_FILE], remedy)
    model = _load_folder(found.folder, sha256, remedy, source.architecture)
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
        return _amended(load_efficientnet_lite(str(source.architecture), source.sha256), source)
    remedy = (
        "Use both files of one `rectgrad zoo train`, or remove metrics.json."
        if source.row is None
        else "Reinstall captum-rectgrad, or restore the file in your checkout."
    )
    model = _load_folder(source.folder, source.sha256, remedy, source.architecture)
    return _amended(model, source)


def _load_folder(
    folder: Path, sha256: str | None, remedy: str, architecture: str | None
) -> nn.Module:
    """Load a checkpoint whose weights have the expected hash and that in its `metrics.json`."""
    stated = stated_sha256(folder)
    if None not in (sha256, stated) and sha256 != stated:
        raise ZooError(
            f"{folder / METRICS_FILE} states weights with the SHA-256 {stated}, expected {sha256}: "
            f"a file is damaged or not the released one. {remedy}"
        )
    return load_folder(folder, sha256 or stated, remedy, architecture)


def _amended(model: nn.Module, source: Source) -> nn.Module:
    return amend(
        model,
        name=source.name,
        source=source.kind,
        pinned=source.sha256 is not None,
        data=source.row.data if source.row is not None else None,
    )


def _with_weights(source: Source, file: Path, num_classes: int | None) -> nn.Module:
    tensors, sha256 = read_weights_file(file)
    folder, there = source.folder, None
    if source.hub is not None and not is_timm_name(source.name):
        needed = (CONFIG_FILE,)
        there = cached(source.hub, needed) or download(source.hub, source.name, needed=needed)
        there.check_texts(_remedy(source))
        folder = there.folder
    largest = NetworkSizeLimit(tensors, file.stat().st_size, str(file))
    if folder is not None and is_transformers_folder(folder):
        architecture = architecture_of(folder)
        model: Any = load_classifier(folder, tensors, str(file), largest, num_classes)
    else:
        model, architecture = _built(source, folder, num_classes, largest)
        got = None if num_classes else number_of_classes(model, tensors, model.num_classes)
        if got is not None:
            model, architecture = _built(source, folder, got, largest)
        load_strictly(model, tensors, str(file))
    if source.hub is not None and there is not None:
        keep(source.hub, there)
    origin = ModelProvenance(
        name=source.name, source="file", architecture=architecture, sha256=sha256
    )
    return record(model, origin)


def _built(
    source: Source, folder: Path | None, num_classes: int | None, largest: NetworkSizeLimit
) -> tuple[Any, str]:
    """The network of timm, with untrained weights, and the name of its architecture."""
    if folder is not None:
        build = partial(build_architecture, folder, source.architecture, num_classes)
        architecture = source.architecture or architecture_name(folder)
    else:
        build = partial(timm.create_model, source.name, num_classes=num_classes)
        architecture = str(source.architecture)
    largest.on_meta(build)
    with largest:
        model: Any = build()
    if num_classes is not None:
        # The names in the configuration belong to other classes.
        other = {"num_classes": num_classes, "label_names": None, "label_descriptions": None}
        model.pretrained_cfg = {**model.pretrained_cfg, **other}
    return model, architecture
