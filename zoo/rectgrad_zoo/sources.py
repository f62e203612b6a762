"""From a name to the place where its weights are; every command asks here."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from timm.models import get_pretrained_cfg

from rectgrad_zoo import registry
from rectgrad_zoo.checkpoint import CONFIG_FILE
from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.hub.names import HubName, parse_hub_name
from rectgrad_zoo.model_names import is_timm_name, unknown_name

_FOLDER_PREFIX = "local-dir:"


@dataclass(frozen=True)
class Source:
    """Where a name leads. Nothing has been read or asked for yet.

    Attributes:
        name: The name.
        kind: `embedded`: a folder of this package; `folder`: another folder on this machine; `hub`:
            a repository on the Hub; `package`: another package; `timm`: an architecture of timm's
            whose weights nobody has as safetensors.
        row: The zoo's row of that name, if it has one.
        architecture: Name in timm of what the name is a network of; `None` if that is for the
            checkpoint's configuration to say.
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
        """SHA-256 that the zoo holds the weights to, hexadecimal; `None` if it pins none."""
        return self.row.sha256 if self.row is not None else None


def resolve(name: str) -> Source:
    """Find where a name leads, without asking anybody.

    The zoo's names and timm's come before a folder that is called the same; `./NAME` is the folder.
    A checkpoint's folder comes before a repository that is called the same; `hf-hub:OWNER/NAME` is
    the repository.

    Args:
        name: As for `rectgrad_zoo.load`.

    Returns:
        The place.

    Raises:
        TypeError: If the name is no text.
        ValueError: If the name is unknown; the error names the nearest.
        ZooError: If it starts with `hf-hub:` but is malformed.
    """
    if not isinstance(name, str):
        raise TypeError(f"The name of a model must be text, got {name!r}.")
    row = registry.find(name)
    if row is not None:
        return _of_row(row)
    if is_timm_name(name):
        config = get_pretrained_cfg(name)
        hub = HubName(config.hf_hub_id) if config is not None and config.hf_hub_id else None
        kind: Literal["hub", "timm"] = "timm" if hub is None else "hub"
        return Source(name, kind, architecture=name.partition(".")[0], hub=hub)
    folder, hub = _folder(name), parse_hub_name(name)
    # What has no configuration is no checkpoint, and hides no repository of its name.
    if folder is not None and (hub is None or (folder / CONFIG_FILE).is_file()):
        return Source(name, "folder", folder=folder)
    if hub is None:
        raise unknown_name(name)
    return Source(name, "hub", hub=hub)


def without_weights(name: str) -> ZooError:
    """The error for a name of timm's whose weights are not on the Hub as safetensors.

    Args:
        name: The name.

    Returns:
        The error, to be raised.
    """
    config = get_pretrained_cfg(name)
    url = config.url if config is not None else None
    reason = (
        f"timm has the weights of {name} as a pickle only ({url}), and only safetensors is "
        "downloaded. Download it yourself and give it"
        if url
        else f"timm has no pretrained weights for {name}. Give your own"
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


def _folder(name: str) -> Path | None:
    try:
        folder = Path(name.removeprefix(_FOLDER_PREFIX)).expanduser()
        there = name.startswith(_FOLDER_PREFIX) or (name != "" and folder.is_dir())
    except (OSError, RuntimeError):  # longer than a path may be, or an unknown user's home
        return None
    return folder if there else None
