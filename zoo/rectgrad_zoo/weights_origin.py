"""Provenance of a network's weights."""

import hashlib
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import nn

# Stored in the network's own dictionary, so that copies of the network keep it.
_ATTRIBUTE = "_rectgrad_zoo_provenance"
_LOADED = "_rectgrad_zoo_loaded_weights"


@dataclass(frozen=True)
class ModelProvenance:
    """Provenance of a network's weights.

    Attributes:
        name: The name passed to `rectgrad_zoo.load`.
        source: `embedded`: in this package; `package`: in another Python package; `hub`: a
            repository on the Hugging Face Hub; `folder`: a checkpoint folder on this machine;
            `file`: a state dict on this machine.
        architecture: Name of the timm architecture, or of the class of transformers.
        sha256: SHA-256 of the weights file, hexadecimal.
        data: Training data, if known.
        repo: Repository on the Hub, `OWNER/NAME`; `None` for other sources.
        commit: Commit of the repository, which identifies its content.
        pinned: Whether the zoo pins the SHA-256. If not, `repo@commit` loads the same weights
            again.
    """

    name: str
    source: Literal["embedded", "package", "hub", "folder", "file"]
    architecture: str
    sha256: str
    data: str | None = None
    repo: str | None = None
    commit: str | None = None
    pinned: bool = False


def provenance(model: nn.Module) -> ModelProvenance:
    """Provenance of a network's weights.

    Args:
        model: A network from `rectgrad_zoo.load`, or a copy of one.

    Returns:
        The provenance of the loaded weights. Further training of the network does not change it.

    Raises:
        ValueError: If the network does not come from `rectgrad_zoo.load`.

    Examples:
        >>> import rectgrad_zoo
        >>> rectgrad_zoo.provenance(rectgrad_zoo.load("cifar10_cnn")).source
        'embedded'
    """
    found = vars(model).get(_ATTRIBUTE)
    if not isinstance(found, ModelProvenance):
        raise ValueError(  # noqa: TRY004 (the type is right, the network is another)
            f"The provenance of this {type(model).__name__} is not known. Expected a network from "
            "rectgrad_zoo.load or a copy of one."
        )
    return found


def record(model: nn.Module, origin: ModelProvenance) -> nn.Module:
    """Attach a provenance to a network with the loaded weights and return the network."""
    vars(model)[_ATTRIBUTE] = origin
    vars(model)[_LOADED] = state_dict_sha256(model)
    return model


def state_dict_sha256(model: nn.Module) -> str:
    """SHA-256 of the names and values of a network's parameters and buffers, hexadecimal.

    Floating point values count as float32, so that `model.float()` does not change it.
    """
    digest = hashlib.sha256()
    for name, tensor in model.state_dict().items():
        values = tensor.detach().cpu()
        values = values.float() if values.is_floating_point() else values
        digest.update(name.encode())
        digest.update(values.contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def has_loaded_weights(model: nn.Module) -> bool:
    """Whether the weights are still those of the provenance."""
    return vars(model).get(_LOADED) == state_dict_sha256(model)


def amend(model: nn.Module, **changes: Any) -> nn.Module:
    """Change fields of a network's provenance and return the network."""
    vars(model)[_ATTRIBUTE] = replace(provenance(model), **changes)
    return model
