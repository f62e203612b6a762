"""Names of models: completion of prefixes and suggestions for unknown names."""

import difflib
import os
from pathlib import Path

import timm

from rectgrad_zoo import registry

_NEAREST = 5


def complete(prefix: str) -> list[str]:
    """Names for `rectgrad_zoo.load` that start with a prefix.

    Args:
        prefix: Start of a name; empty for all names.

    Returns:
        Names of the zoo, then architectures of timm. For a prefix with a dot, architectures with
        a pretrained tag.

    Examples:
        >>> import rectgrad_zoo
        >>> rectgrad_zoo.complete("cifar10_res")
        ['cifar10_resnet']
    """
    known = timm.list_pretrained() if "." in prefix else timm.list_models()
    everything = dict.fromkeys([*registry.names(), *known])
    return [name for name in everything if name.startswith(prefix)]


def is_timm_name(name: str) -> bool:
    """Whether timm can build an architecture of this name, with or without a pretrained tag."""
    return timm.is_model(name) and ("." not in name or name in timm.list_pretrained())


def unknown_name(name: str) -> ValueError:
    """The error for an unknown name, with the nearest known names.

    Args:
        name: The unknown name.

    Returns:
        The error to raise.
    """
    own = [row.name for row in registry.CHECKPOINTS]
    known = {known.lower(): known for known in (*timm.list_pretrained(), *timm.list_models(), *own)}
    near = difflib.get_close_matches(name.lower(), known, n=_NEAREST)
    hints = [f" Nearest: {', '.join(known[match] for match in near)}."] if near else []
    if folder := _folder_beside(name):
        hints.insert(0, f" Did you mean the folder {folder!r}?")
    return ValueError(
        f"Unknown model {name!r}.{''.join(hints)} Expected one of {', '.join(registry.names())}, "
        "the path of a checkpoint folder, a timm architecture, or OWNER/NAME on the Hub."
    )


def file_as_name(name: str) -> ValueError:
    """The error for a file, such as of weights, in place of a name.

    Args:
        name: The path of the file.

    Returns:
        The error to raise.
    """
    return ValueError(
        f"The model {name!r} is a file, expected a name or a folder. For a state dict give the "
        f'architecture, too: load("resnet18", weights={name!r}).'
    )


def _folder_beside(name: str) -> str | None:
    """The folder with the nearest name in the folder of a path that does not exist."""
    parent, last = os.path.split(name.rstrip("/"))
    try:
        there = [each.name for each in Path(parent).expanduser().iterdir() if each.is_dir()]
    except (OSError, RuntimeError):  # no such folder, or the home of an unknown user
        return None
    near = difflib.get_close_matches(last, there, n=1)
    return str(Path(parent or ".", near[0])) if near else None
