"""Where a network's weights come from, to be recorded beside a result."""

from dataclasses import dataclass, replace
from typing import Any, Literal

from torch import nn

# In the network's own dictionary, so that a copy of the network keeps it.
_ATTRIBUTE = "_rectgrad_zoo_provenance"


@dataclass(frozen=True)
class ModelProvenance:
    """Where a network's weights come from.

    Attributes:
        name: What `rectgrad_zoo.load` was asked for.
        source: `embedded`: in this package; `package`: in another one from the registry; `hub`: a
            repository on the Hugging Face Hub; `folder`: a checkpoint folder on this machine;
            `file`: a state dict on this machine.
        architecture: Name of the timm architecture.
        sha256: SHA-256 of the weights file that was read, hexadecimal.
        data: What it was trained on, if the zoo knows it.
        repo: Repository on the Hub, `OWNER/NAME`; `None` for other sources.
        commit: Commit of that repository, which names its content for good.
        pinned: Whether the zoo names the SHA-256 that the file was held to. If not, this records
            what was found: `repo@commit` loads the same again.
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
    """Where a network's weights come from.

    Args:
        model: A network from `rectgrad_zoo.load`, or a copy of one.

    Returns:
        Name, source, commit, hash and what else is known. It is about the weights as they were
        loaded: a network trained further keeps it.

    Raises:
        ValueError: If the network is not one of `rectgrad_zoo.load`.

    Examples:
        >>> import rectgrad_zoo
        >>> rectgrad_zoo.provenance(rectgrad_zoo.load("cifar10_cnn")).source
        'embedded'
    """
    found = vars(model).get(_ATTRIBUTE)
    if not isinstance(found, ModelProvenance):
        raise ValueError(  # noqa: TRY004 (the type is right, the network is another)
            f"The provenance of this {type(model).__name__} is not known. Expected a network from "
            "rectgrad_zoo.load."
        )
    return found


def record(model: nn.Module, origin: ModelProvenance) -> nn.Module:
    """Attach its provenance to a network and return the network."""
    vars(model)[_ATTRIBUTE] = origin
    return model


def amend(model: nn.Module, **changes: Any) -> nn.Module:
    """Change fields of a network's provenance and return the network."""
    return record(model, replace(provenance(model), **changes))
