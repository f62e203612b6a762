"""Resolution of a name to the location of its weights."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from timm.models import get_pretrained_cfg

from rectgrad_zoo import registry
from rectgrad_zoo.checkpoint import CONFIG_FILE
from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.hub.names import HubName, parse_hub_name
from rectgrad_zoo.model_names import file_as_name, is_timm_name, unknown_name

_FOLDER_PREFIX = "local-dir:"


@dataclass(frozen=True)
class Source:
    """The location of a network's weights, before any file is read.

    Attributes:
        name: The name.
        kind: `embedded`: a folder of this package; `folder`: another folder on this machine; `hub`:
            a repository on the Hub; `package`: another Python package; `timm`: an architecture of
            timm without weights in safetensors format.
        row: The zoo's row of this name, if any.
        architecture: Name of the timm architecture; `None` if the configuration of the checkpoint
            determines it.
        folder: The folder, for `embedded` and `folder`.
        hub: The repository, for `hub`.
    """

    name: str
    kind: Literal["embedded", "folder", "hub", "package", "timm"]
    row: registry.Checkpoint | None = None
    architecture: str | None = None
    folder: Path | None = None
    hub: HubName | None = None

    @property
    def sha256(self) -> str | None:
        """Pinned SHA-256 of the weights, hexadecimal; `None` if the zoo pins none."""
        return self.row.sha256 if self.row is not None else None


def resolve(name: str) -> Source:
    """Find the location of a network's weights, without network access.

    Names of the zoo and of timm take precedence over a folder of the same name; `./NAME` denotes
    the folder. A checkpoint folder takes precedence over a repository of the same name;
    `hf:OWNER/NAME` denotes the repository.

    Args:
        name: As for `rectgrad_zoo.load`.

    Returns:
        The location.

    Raises:
        TypeError: If the name is not a string.
        ValueError: If the name is that of a file, or unknown. The message lists the nearest known
            names.
        ZooError: If the name starts with `hf:` or `hf-hub:` and is malformed.
    """
    if not isinstance(name, str):
        raise TypeError(f"The name of a model must be a string, got {name!r}.")
    row = registry.find(name)
    if row is not None:
        return _of_row(row)
    if is_timm_name(name):
        config = get_pretrained_cfg(name)
        hub = HubName(config.hf_hub_id) if config is not None and config.hf_hub_id else None
        kind: Literal["hub", "timm"] = "timm" if hub is None else "hub"
        return Source(name, kind, architecture=name.partition(".")[0], hub=hub)
    if _is_file(name):
        raise file_as_name(name)
    folder, hub = _folder(name), parse_hub_name(name)
    # A folder without a configuration is not a checkpoint and does not hide a repository.
    if folder is not None and (hub is None or (folder / CONFIG_FILE).is_file()):
        return Source(name, "folder", folder=folder)
    if hub is None:
        raise unknown_name(name)
    return Source(name, "hub", hub=hub)


def without_weights(name: str) -> ZooError:
    """The error for a timm architecture without weights in safetensors format on the Hub.

    Args:
        name: The name.

    Returns:
        The error to raise.
    """
    config = get_pretrained_cfg(name)
    url = config.url if config is not None else None
    reason = (
        f"timm provides the weights of {name} as a pickle file only ({url}); expected safetensors. "
        "Download the file and pass it"
        if url
        else f"timm has no pretrained weights for {name}. Pass a state dict"
    )
    return ZooError(f"{reason} with weights=PATH, or choose one of timm.list_pretrained().")


def _of_row(row: registry.Checkpoint) -> Source:
    folder = registry.local_folder(row)
    if folder is not None:
        kind: Literal["embedded", "folder"] = "embedded" if row.source == "embedded" else "folder"
        return Source(row.name, kind, row, row.architecture, folder)
    if row.repo is None:
        return Source(row.name, "package", row, row.architecture)
    hub = HubName(row.repo, row.revision, row.published)
    return Source(row.name, "hub", row, row.architecture, hub=hub)


def _is_file(name: str) -> bool:
    try:
        return Path(name).expanduser().is_file()
    except (OSError, RuntimeError):  # a path that is too long, or the home of an unknown user
        return False


def _folder(name: str) -> Path | None:
    try:
        folder = Path(name.removeprefix(_FOLDER_PREFIX)).expanduser()
        there = name.startswith(_FOLDER_PREFIX) or (name != "" and folder.is_dir())
    except (OSError, RuntimeError):  # a path that is too long, or the home of an unknown user
        return None
    return folder if there else None
