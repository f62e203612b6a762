"""`make test-oldest` installs the lower bounds of pyproject.toml."""

import re

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.support.requirements import ROOT, requirements

# Extras of what the tests use. Tools for developers need no oldest version.
EXTRAS = ("imagenet", "onnx", "studies")
CONSTRAINTS = (ROOT / "tests/oldest-versions.txt").read_text(encoding="utf-8")


def test_every_lower_bound_is_installed_exactly() -> None:
    bounds = {
        canonicalize_name(one.name): Version(specifier.version)
        for one in requirements(*EXTRAS)
        for specifier in one.specifier
        if specifier.operator == ">="
    }
    lines = [line for line in CONSTRAINTS.splitlines() if line and not line.startswith("#")]
    pinned = {}
    for line in lines:
        (specifier,) = Requirement(line).specifier
        assert specifier.operator == "=="
        pinned[canonicalize_name(Requirement(line).name)] = Version(specifier.version)
    assert pinned == bounds


def test_the_makefile_installs_these_extras_with_these_versions() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (installed,) = re.findall(
        r"--constraint tests/oldest-versions\.txt --editable '\.\[(.*)\]'", makefile
    )
    assert installed.split(",") == [*EXTRAS, "tests"]
