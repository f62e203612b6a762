"""The pages of `docs/reference/` show the public names, all of them and no others."""

import importlib
import re
from pathlib import Path

import captum_rectgrad
import captum_rectgrad.sanity
import captum_rectgrad.targets
import rectgrad_zoo

PAGES = sorted((Path(__file__).resolve().parents[2] / "docs" / "reference").glob("*.md"))
DIRECTIVE = re.compile(r"^::: (\S+)\n((?: +.*\n|\n)*)", re.MULTILINE)


def shown() -> list[str]:
    """The full name of everything that a page shows; of a package, its members."""
    found = []
    for page in PAGES:
        for name, options in DIRECTIVE.findall(page.read_text(encoding="utf-8") + "\n"):
            members = re.findall(r"members: \[(.*)\]", options)
            if members and "." not in name:
                found += [f"{name}.{member}" for member in members[0].split(", ")]
            else:
                found.append(name)
    return found


def names(package: str) -> list[str]:
    """The names directly in a package that the pages show."""
    return sorted(name for name in shown() if name.rpartition(".")[0] == package)


def test_reference_has_every_name_of_captum_rectgrad_once() -> None:
    assert names("captum_rectgrad") == sorted(
        f"captum_rectgrad.{name}" for name in captum_rectgrad.__all__
    )


def test_reference_has_every_name_of_rectgrad_zoo_once() -> None:
    assert names("rectgrad_zoo") == sorted(f"rectgrad_zoo.{name}" for name in rectgrad_zoo.__all__)


def test_reference_has_every_target_once() -> None:
    expected = [f"captum_rectgrad.targets.{name}" for name in captum_rectgrad.targets.__all__]
    assert names("captum_rectgrad.targets") == sorted(expected)


def test_reference_has_the_module_of_every_check() -> None:
    public = captum_rectgrad.sanity
    defined_in = {getattr(public, name).__module__ for name in public.__all__}
    assert defined_in <= set(names("captum_rectgrad.sanity"))


def test_everything_in_the_reference_exists() -> None:
    for name in shown():
        owner, _, last = name.rpartition(".")
        if not hasattr(importlib.import_module(owner), last):
            importlib.import_module(name)
