"""Names of models for the shell to complete, without the seconds that importing timm takes."""

import importlib.util
import re
import runpy
from collections.abc import Iterator
from pathlib import Path

_ARCHITECTURE = re.compile(r"^@register_model\ndef (\w+)\(", re.MULTILINE)
_WITH_TAG = re.compile(r"""^\s+["'](\w+\.(?!untrained)\w+)["']:""", re.MULTILINE)


def complete(prefix: str, **_: object) -> list[str]:
    """What `rectgrad_zoo.complete` says, read from the source code of the zoo and of timm.

    Args:
        prefix: start of a name; empty for all.

    Returns:
        The zoo's names first, then timm's architectures, and with a dot in the prefix their
        pretrained tags, but for the few that timm puts together as it runs.
    """
    # Importing anything of the zoo registers its architectures with timm, which imports PyTorch.
    zoo: list[str] = runpy.run_path(str(_folder("rectgrad_zoo") / "registry.py"))["names"]()
    known = _in_timm(_WITH_TAG if "." in prefix else _ARCHITECTURE)
    return [name for name in dict.fromkeys([*zoo, *sorted(known)]) if name.startswith(prefix)]


def _in_timm(pattern: re.Pattern[str]) -> Iterator[str]:
    for path in (_folder("timm") / "models").rglob("*.py"):
        yield from pattern.findall(path.read_text(encoding="utf-8"))


def _folder(package: str) -> Path:
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError(package)  # rather than look into the current folder
    return Path(found.submodule_search_locations[0])
