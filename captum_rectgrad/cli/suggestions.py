"""Suggestions in messages about unknown names."""

import difflib
from collections.abc import Iterable
from pathlib import Path


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """The nearest known names, to be put behind the unknown one.

    Args:
        given: the unknown name.
        known: all known names.

    Returns:
        " (did you mean NAME?)", with at most three names, or "" if no name is near.
    """
    names = {name.casefold(): name for name in known}
    near = difflib.get_close_matches(given.casefold(), names, n=3, cutoff=0.65)
    return f" (did you mean {' or '.join(names[name] for name in near)}?)" if near else ""


def did_you_mean_file(given: str | Path) -> str:
    """The nearest names in the folder of a file that does not exist; see `did_you_mean`.

    Args:
        given: path of the file.

    Returns:
        As `did_you_mean`; "" if the folder does not exist either.
    """
    path = Path(given).expanduser()
    if not path.parent.is_dir():
        return ""
    return did_you_mean(path.name, [entry.name for entry in path.parent.iterdir()])
