"""The bill of materials that the wheel carries: valid CycloneDX, and what the project is now.

That it is in the wheel and fits it: `test_distributions.py`.
"""

import json

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from release import sbom

VALIDATOR = JsonStrictValidator(SchemaVersion.V1_7)


def test_the_file_is_what_is_written() -> None:
    written = sbom.FILE.read_text(encoding="utf-8")
    assert written == sbom.text(), "python -m release.sbom writes it again"


def test_it_is_valid() -> None:
    assert VALIDATOR.validate_str(sbom.FILE.read_text(encoding="utf-8")) is None


@pytest.mark.parametrize("key", ["bomFormat", "specVersion"])
def test_what_is_not_valid_is_found(key: str) -> None:
    without = {name: value for name, value in sbom.sbom().items() if name != key}
    assert VALIDATOR.validate_str(json.dumps(without)) is not None


def test_each_dependency_is_one_of_its_components() -> None:
    bill = sbom.sbom()
    known = [part["bom-ref"] for part in bill["components"]]
    assert len(set(known)) == len(known)
    (edges,) = bill["dependencies"]
    assert edges["ref"] == bill["metadata"]["component"]["bom-ref"]
    assert edges["dependsOn"] == sorted(known)
