"""Checkpoint folders in the Hub format of timm or transformers: file names and loading."""

import json
from pathlib import Path
from typing import Any

import timm
from torch import nn

from rectgrad_zoo.architectures.efficientnet_keys import as_timm_names_them
from rectgrad_zoo.architectures.transformers_classifier import (
    architecture_of,
    is_transformers_folder,
    load_classifier,
)
from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.weights import load_strictly, parse_safetensors, read_bytes
from rectgrad_zoo.weights_origin import ModelProvenance, record

CARD_FILE = "README.md"
CONFIG_FILE = "config.json"
METRICS_FILE = "metrics.json"
RECIPE_FILE = "recipe.toml"
WEIGHTS_FILE = "model.safetensors"
# All files of a checkpoint. The configuration marks a complete checkpoint and is written last.
FILES = (RECIPE_FILE, WEIGHTS_FILE, METRICS_FILE, CARD_FILE, CONFIG_FILE)


def build_architecture(
    folder: Path, architecture: str | None = None, num_classes: int | None = None
) -> nn.Module:
    """Build the network of timm in a folder's `config.json`, with untrained weights.

    Args:
        folder: A checkpoint folder.
        architecture: Name of the timm architecture, if the checkpoint's name determines it. If the
            configuration names another architecture, only its preprocessing, labels and number of
            classes are used. Some repositories of timm serve several architectures with equal
            tensors, for example with GELU and with its quick approximation.
        num_classes: Number of classes; by default that of the configuration.

    Returns:
        The network, with timm's `pretrained_cfg` attached.

    Raises:
        ZooError: If the configuration is absent or invalid, or names an unknown architecture.
    """
    config = folder / CONFIG_FILE
    if not config.is_file():
        raise ZooError(
            f"{folder} is not a checkpoint: it has no {CONFIG_FILE}. Expected a folder in the Hub "
            f"format of timm or transformers, with {CONFIG_FILE} and {WEIGHTS_FILE}."
        )
    try:
        model = timm.create_model(f"local-dir:{folder.resolve()}", num_classes=num_classes)
        if architecture in (None, architecture_name(folder)):
            return model
        preprocessing: Any = model.pretrained_cfg
        return timm.create_model(
            architecture, pretrained_cfg=preprocessing, num_classes=num_classes
        )
    # The configuration's arguments are passed to any constructor of timm, which may raise anything.
    except Exception as error:
        reason = " ".join(str(error).split())
        raise ZooError(
            f"{config} does not describe a network that timm {timm.__version__} can build: "
            f"{type(error).__name__}: {reason}"
        ) from error


def architecture_name(folder: Path) -> str:
    """Name of the timm architecture in a folder's configuration."""
    config = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
    return str(config["architecture"])


def load_folder(
    folder: Path, sha256: str | None = None, remedy: str = "", architecture: str | None = None
) -> nn.Module:
    """Load a checkpoint from its folder.

    Args:
        folder: Folder with `config.json` and `model.safetensors`, in the format of timm or as from
            `save_pretrained` of transformers.
        sha256: Expected SHA-256 of the weights, hexadecimal, checked before a tensor is used;
            `None` for no check.
        remedy: Sentence that the error adds if the hash differs.
        architecture: As for `build_architecture`.

    Returns:
        The network, float32, on the CPU, with its provenance.

    Raises:
        ZooError: If a file is absent or damaged, or the tensors do not fit the architecture.
    """
    file = folder / WEIGHTS_FILE
    if is_transformers_folder(folder):
        architecture = architecture_of(folder)
        content, got = read_bytes(file, sha256, remedy)
        model: nn.Module = load_classifier(folder, parse_safetensors(content, file), str(file))
    else:
        model = build_architecture(folder, architecture)
        content, got = read_bytes(file, sha256, remedy)
        architecture = architecture or architecture_name(folder)
        tensors = as_timm_names_them(model, architecture, parse_safetensors(content, file))
        load_strictly(model, tensors, str(file))
    origin = ModelProvenance(
        name=str(folder),
        source="folder",
        architecture=architecture,
        sha256=got,
    )
    return record(model, origin)
