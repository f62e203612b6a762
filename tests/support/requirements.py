"""What pyproject.toml requires."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]


def pyproject() -> Mapping[str, Any]:
    """All of pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def project() -> Mapping[str, Any]:
    """The table `project`."""
    table: Mapping[str, Any] = pyproject()["project"]
    return table


def requirements(*extras: str) -> list[Requirement]:
    """The dependencies and those of extras."""
    table = project()
    own = [*table["dependencies"]]
    for extra in extras:
        own += table["optional-dependencies"][extra]
    return [Requirement(line) for line in own]


def names(*extras: str) -> set[str]:
    """The distributions that `requirements` names."""
    return {canonicalize_name(one.name) for one in requirements(*extras)}
