"""Methods of the user, with fingerprints of their code."""

import hashlib
import importlib
import re
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from captum_rectgrad.evaluation.methods import Method, choose_methods

_KEY = re.compile(r"(?!network\.json$)\w[\w.-]{0,99}")


def own_methods(places: Sequence[str]) -> tuple[Method, ...]:
    """Methods of the user.

    Args:
        places: `MODULE:NAME`, as for `choose_methods`.

    Returns:
        The methods; their keys can be names of folders.

    Raises:
        ValueError: a method cannot be imported, two have the same key, or a key cannot be the name
            of a folder.
    """
    found = []
    for method in choose_methods(list(places)) if places else ():
        key = _folder_name(method.key)
        if not _KEY.fullmatch(key):
            raise ValueError(
                f"the key {method.key!r} of a method cannot be the name of a folder: begin it with "
                "a letter, and use at most 100 letters, digits, '-', '_' and '.'"
            )
        found.append(Method(key, method.title, method.attribute, method.applies))
    return tuple(found)


def fingerprints(places: Sequence[str]) -> dict[str, str]:
    """Hashes of the code of methods of the user.

    A hash covers the file of the given module, and the file in which the class or the function is
    defined, if it is another. It does not cover what these files import.

    Args:
        places: as for `own_methods`.

    Returns:
        SHA-256, hexadecimal, by the key of the method.

    Raises:
        ValueError: see `own_methods`.
    """
    keys = [method.key for method in own_methods(places)]
    return dict(zip(keys, map(_fingerprint, places), strict=True))


def _folder_name(key: str) -> str:
    return re.sub(r"[^\w.-]+", ".", key)


def _fingerprint(place: str) -> str:
    module, _, name = place.strip().partition(":")
    found: object = getattr(importlib.import_module(module), name)
    if isinstance(found, Method):
        found = found.attribute
    while isinstance(found, partial):
        found = found.func
    digest = hashlib.sha256()
    for each in sorted({module, str(getattr(found, "__module__", module))}):
        file = getattr(sys.modules.get(each), "__file__", None)
        # Code that was typed in, or is compiled into Python, has no file.
        if file is not None and Path(file).is_file():
            digest.update(Path(file).read_bytes())
    return digest.hexdigest()
