"""Checks of names that need no PyTorch, so that a misspelt one is reported at once."""

import importlib.util
import re
from collections.abc import Sequence
from importlib.machinery import PathFinder
from pathlib import Path

from captum_rectgrad.cli.completion import COMPARED, zoo_names
from captum_rectgrad.cli.suggestions import did_you_mean

ALL = "all"


def check_methods(keys: Sequence[str], known: Sequence[str] = COMPARED) -> None:
    """Check the keys of methods.

    Args:
        keys: keys, or `MODULE:NAME`, of which only the package is looked for.
        known: the keys that exist.

    Raises:
        ValueError: there is no key, or one is unknown.
    """
    if not any(keys):
        raise ValueError(f"got no method; choose from {', '.join(known)}, or MODULE:NAME")
    for key in keys:
        if ":" in key:
            _check_package(key)
        elif key and key not in known:
            raise ValueError(
                f"{key!r} is not a known method{did_you_mean(key, known)}; choose from "
                f"{', '.join(known)}, or MODULE:NAME"
            )


def check_model(name: str) -> None:
    """Check the name of a model as far as it can be done without PyTorch.

    Names of repositories and folders, and names that timm may know, are checked by
    `rectgrad_zoo.load`.

    Args:
        name: value of `--model`.

    Raises:
        ValueError: nothing has this name.
    """
    if name in zoo_names() or "/" in name or (name and Path(name).exists()):
        return
    if is_own_model(name):
        _check_package(name)
        return
    if ":" in name:
        return
    source, architecture = _timm_source(), name.partition(".")[0]
    # Its deprecated names are in the source, too.
    if architecture and re.search(rf"\b{re.escape(architecture)}\b", source):
        return
    known = [*zoo_names(), *re.findall(r"^def (\w+)\(pretrained", source, re.MULTILINE)]
    raise ValueError(
        f"Unknown model {name!r}{did_you_mean(name, known)}; give a name of `rectgrad zoo list` or "
        "of timm, a checkpoint folder, OWNER/NAME on the Hub, or MODULE:FUNCTION"
    )


_PREFIXES = ("hf:", "hf-hub:", "local-dir:")


def is_own_model(name: str) -> bool:
    """Whether the name of a model is `MODULE:FUNCTION`."""
    return ":" in name and "/" not in name and not name.startswith(_PREFIXES)


def _check_package(place: str) -> None:
    """Check that the package of `MODULE:NAME` exists, without an import of it."""
    package = place.partition(":")[0].partition(".")[0]
    try:
        # The working directory is not on the path of an installed command.
        found = (
            importlib.util.find_spec(package) is not None
            or PathFinder.find_spec(package, [str(Path.cwd())]) is not None
        )
    except (ImportError, ValueError):
        found = False
    if not found:
        raise ValueError(f"{place!r} cannot be imported: no module named {package!r}")


def _timm_source() -> str:
    """The source of timm's models: an import of timm takes seconds."""
    found = importlib.util.find_spec("timm")
    places = (found.submodule_search_locations if found else None) or []
    files = [file for place in places for file in Path(place).glob("models/*.py")]
    return "\n".join(file.read_text(encoding="utf-8") for file in files)
