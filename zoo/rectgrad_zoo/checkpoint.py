"""A checkpoint is a folder in timm's Hub format; this names its files and loads it."""

import json
from pathlib import Path

import timm
from torch import nn

from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.weights import load_strictly, parse_safetensors, read_bytes

CARD_FILE = "README.md"
CONFIG_FILE = "config.json"
METRICS_FILE = "metrics.json"
RECIPE_FILE = "recipe.toml"
WEIGHTS_FILE = "model.safetensors"


def build_architecture(folder: Path) -> nn.Module:
    """Build the network that a folder's `config.json` describes, with untrained weights.

    Args:
        folder: A checkpoint folder.

    Returns:
        The network, with timm's `pretrained_cfg` attached.

    Raises:
        ZooError: If the configuration is absent, is not timm's, or names an unknown architecture.
    """
    config = folder / CONFIG_FILE
    if not config.is_file():
        raise ZooError(
            f"{folder} is not a checkpoint: it has no {CONFIG_FILE}. Expected a folder in timm's "
            f"Hub format, with {CONFIG_FILE} and {WEIGHTS_FILE}."
        )
    try:
        return timm.create_model(f"local-dir:{folder.resolve()}")
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise ZooError(
            f"{config} does not describe a network that timm {timm.__version__} can build: "
            f"{type(error).__name__}: {error}"
        ) from error


def load_folder(folder: Path, sha256: str | None = None) -> nn.Module:
    """Load a checkpoint from its folder.

    Args:
        folder: Folder with `config.json` and `model.safetensors`.
        sha256: Expected SHA-256 of the weights, hexadecimal, checked before a tensor is used;
            `None` for no expectation.

    Returns:
        The network, float32, on the CPU.

    Raises:
        ZooError: If a file is absent or damaged, or the tensors are not the architecture's.
    """
    model = build_architecture(folder)
    file = folder / WEIGHTS_FILE
    tensors = parse_safetensors(read_bytes(file, sha256), file)
    load_strictly(model, tensors, str(file))
    return model
