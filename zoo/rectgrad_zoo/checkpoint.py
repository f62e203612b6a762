"""Checkpoint folders in the Hub format of timm or transformers: file names and loading."""

import re
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
from rectgrad_zoo.configuration import check_configuration, check_whole_numbers
from rectgrad_zoo.errors import ZooError, message_of
from rectgrad_zoo.input_files import parse_json_object, read_json_object, read_regular
from rectgrad_zoo.network_size import NetworkSizeLimit
from rectgrad_zoo.weights import check_fit, load_strictly, parse_safetensors, read_bytes
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
        ZooError: If the configuration is absent or invalid, or names an unknown architecture, or
            values for the preprocessing are of the wrong type or out of range.
    """
    config = folder / CONFIG_FILE
    if not config.is_file():
        raise _without_configuration(folder)
    # A regular file of bounded size, depth and values, before timm reads it.
    described = read_json_object(config)
    inner = described.get("pretrained_cfg")
    for values in (described, inner if isinstance(inner, dict) else {}):
        check_configuration(values, str(config))
    check_whole_numbers(described.get("model_args"), str(config))
    try:
        model = timm.create_model(f"local-dir:{folder.resolve()}", num_classes=num_classes)
        if architecture not in (None, architecture_name(folder)):
            preprocessing: Any = model.pretrained_cfg
            model = timm.create_model(
                architecture, pretrained_cfg=preprocessing, num_classes=num_classes
            )
    except ZooError:
        raise
    # The configuration's arguments are passed to any constructor of timm, which may raise anything.
    except Exception as error:
        raise ZooError(
            f"{config} does not describe a network that timm {timm.__version__} can build: "
            f"{type(error).__name__}: {message_of(error)}"
        ) from error
    return model


def _without_configuration(folder: Path) -> ZooError:
    return ZooError(
        f"{folder} is not a checkpoint: it has no {CONFIG_FILE}. Expected a folder in the Hub "
        f"format of timm or transformers, with {CONFIG_FILE} and {WEIGHTS_FILE}."
    )


def architecture_name(folder: Path) -> str:
    """Name of the timm architecture in a folder's configuration."""
    return str(read_json_object(folder / CONFIG_FILE)["architecture"])


def stated_sha256(folder: Path) -> str | None:
    """SHA-256 of the weights in a folder's `metrics.json`; `None` if it states none.

    Args:
        folder: A checkpoint folder.

    Returns:
        The hash, hexadecimal.

    Raises:
        ZooError: If the file states a hash and is not valid JSON, or the hash is not one.
    """
    file = folder / METRICS_FILE
    if not file.exists():
        return None
    content = read_regular(file)
    if b'"sha256"' not in content:  # measurements of another program
        return None
    stated = parse_json_object(content, file).get("sha256")
    if stated is None:
        return None
    if not isinstance(stated, str) or not re.fullmatch("[0-9a-f]{64}", stated):
        raise ZooError(
            f"{file} states the SHA-256 of the weights as {stated!r:.80}, expected 64 hexadecimal "
            "digits."
        )
    return stated


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
        ZooError: If a file is absent or damaged, the tensors do not fit the architecture or have
            values that are not finite, or the configuration is not valid.
    """
    file = folder / WEIGHTS_FILE
    of_transformers = is_transformers_folder(folder)
    if of_transformers:
        architecture = architecture_of(folder)
    elif not (folder / CONFIG_FILE).is_file():
        raise _without_configuration(folder)
    content, got = read_bytes(file, sha256, remedy)
    tensors = parse_safetensors(content, file)
    largest = NetworkSizeLimit(tensors, len(content), str(file))
    if of_transformers:
        model: nn.Module = load_classifier(folder, tensors, str(file), largest)
    else:
        empty = largest.on_meta(lambda: build_architecture(folder, architecture))
        if empty is not None:
            named = architecture or architecture_name(folder)
            check_fit(empty, as_timm_names_them(empty, named, tensors), str(file))
        with largest:
            model = build_architecture(folder, architecture)
        architecture = architecture or architecture_name(folder)
        load_strictly(model, as_timm_names_them(model, architecture, tensors), str(file))
    origin = ModelProvenance(
        name=str(folder),
        source="folder",
        architecture=str(architecture),
        sha256=got,
    )
    return record(model, origin)
