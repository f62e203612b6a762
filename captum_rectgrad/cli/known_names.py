"""Checks of names that need no PyTorch, so that a misspelt one is reported at once."""

import importlib.util
import re
from collections.abc import Sequence
from importlib.machinery import PathFinder
from pathlib import Path

from captum_rectgrad.cli.completion import COMPARED, all_zoo_names, zoo_names
from captum_rectgrad.cli.download import is_url
from captum_rectgrad.cli.suggestions import did_you_mean, did_you_mean_file

ALL = "all"
_PERCENT = 100
_HUB_PREFIXES = ("hf:", "hf-hub:")
_FOLDER_PREFIX = "local-dir:"
# The zoo checks the name in full.
_REPOSITORY = re.compile(r"\w[\w.-]*/\w[\w.-]*(@\S+)?")
_FILE_AND_FUNCTION = re.compile(r"(?:\./)?(.+)\.py:(\w+)")


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

    The content of folders, the existence of repositories, and names that timm may know are checked
    by `rectgrad_zoo.load`.

    Args:
        name: value of `--model`.

    Raises:
        ValueError: nothing has this name.
    """
    if name in all_zoo_names():
        return
    if is_url(name):
        raise ValueError(
            f"got the URL {name!r} for a model; give hf:OWNER/NAME for the page "
            "https://huggingface.co/OWNER/NAME"
        )
    if name.startswith(_HUB_PREFIXES):
        prefix, _, repository = name.partition(":")
        if not _REPOSITORY.fullmatch(repository):
            raise ValueError(
                f"got the model {name!r}, expected {prefix}:OWNER/NAME or "
                f"{prefix}:OWNER/NAME@REVISION; the path of a folder has no prefix"
            )
    elif is_own_model(name):
        _check_package(name)
    elif name:
        _check_place(name)
    else:
        raise ValueError(_unknown(name, ()))


def check_weights(file: str) -> None:
    """Check that a file of weights exists; its content is checked when it is read.

    Args:
        file: value of `--weights`.

    Raises:
        ValueError: there is no such file.
    """
    if not Path(file).is_file():
        raise ValueError(f"--weights: there is no file {file!r}{did_you_mean_file(file)}")


def is_own_model(name: str) -> bool:
    """Whether the name of a model is `MODULE:FUNCTION`."""
    return ":" in name and not name.startswith((*_HUB_PREFIXES, _FOLDER_PREFIX))


def check_data(name: str, known: Sequence[str]) -> None:
    """Check the name of a data set; its content is checked when it is read.

    Args:
        name: value of `--data`: a folder, OWNER/NAME on the Hub, or one of `known`.
        known: names of other data.

    Raises:
        ValueError: the folder does not exist.
    """
    if name in known or Path(name).is_dir() or _REPOSITORY.fullmatch(name):
        return
    raise ValueError(
        f"--data: there is no folder {name!r}{did_you_mean(name, known) or did_you_mean_file(name)}"
        f"; give a folder, OWNER/NAME on the Hub, or {' or '.join(known)}"
    )


def check_percentile_option(percentile: float | None) -> None:
    """Check RectGrad's percentile.

    Args:
        percentile: value of `--percentile`; None: the default.

    Raises:
        ValueError: it is out of range.
    """
    if percentile is not None and not 0 <= percentile <= _PERCENT:
        raise ValueError(f"percentile must be in [0, 100], got {percentile:g}; the paper uses 98")


def check_folder(folder: Path, option: str) -> None:
    """Check that an output folder exists or can be created.

    Args:
        folder: the folder.
        option: name of the option, for the message.

    Raises:
        ValueError: it is a file, or inside one.
    """
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not there.is_dir():
        raise ValueError(f"{option} must be a folder, but {there} is a file")


def _check_place(name: str) -> None:
    """Check a name that is a path, a repository, or a name of timm with a tag."""
    path = Path(name.removeprefix(_FOLDER_PREFIX)).expanduser()
    if path.is_dir():
        return
    if path.is_file() and path.suffix == ".py":
        raise ValueError(_python_file(path))
    if path.is_file():
        raise ValueError(
            f"the model {name!r} is a file, expected a name or a folder; give the name of the "
            f"architecture, such as resnet18, and --weights {name}"
        )
    if "/" not in name and not name.startswith((".", "~")):
        _check_timm_name(name)
    elif name.startswith(_FOLDER_PREFIX) or not _REPOSITORY.fullmatch(name):
        raise ValueError(f"the model folder {str(path)!r} does not exist{did_you_mean_file(path)}")


def _python_file(file: Path) -> str:
    """The message about a Python file without the function in it."""
    inside = file.resolve().is_relative_to(Path.cwd())
    parts = file.resolve().relative_to(Path.cwd()).parts if inside else (file.name,)
    module = ".".join(parts).removesuffix(".py")
    where = "" if inside else f" in its folder {str(file.parent)!r}"
    return (
        f"the model {str(file)!r} is a Python file; give the function in it that returns the "
        f"network, too: {module}:FUNCTION{where}"
    )


def _check_timm_name(name: str) -> None:
    source = _timm_source()
    # Its deprecated names are in the source, too.
    if re.search(rf"\b{re.escape(name.partition('.')[0])}\b", source):
        return
    known = [*zoo_names(), *re.findall(r"^def (\w+)\(pretrained", source, re.MULTILINE)]
    raise ValueError(_unknown(name, known))


def _unknown(name: str, known: Sequence[str]) -> str:
    near = did_you_mean(name, known) or did_you_mean_file(name)
    return (
        f"Unknown model {name!r}{near}; give a name of `rectgrad zoo list` or of timm, a model "
        "folder, OWNER/NAME or hf:OWNER/NAME on the Hub, or MODULE:FUNCTION"
    )


def _check_package(place: str) -> None:
    """Check that the package of `MODULE:NAME` exists, without an import of it."""
    if file := _FILE_AND_FUNCTION.fullmatch(place):
        raise ValueError(
            f"got the file of a module in {place!r}, expected MODULE:NAME, such as "
            f"{file[1].replace('/', '.')}:{file[2]}"
        )
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
