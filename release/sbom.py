"""The bill of materials that the wheel carries (PEP 770), in CycloneDX.

`python -m release.sbom` writes it from `pyproject.toml`, `CITATION.cff`, the zoo's table and the
weights. It holds no time of writing and no random number: the same project gives the same bytes.
"""

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from captum_rectgrad import __version__
from rectgrad_zoo import registry
from rectgrad_zoo.checkpoint import WEIGHTS_FILE

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "release" / "captum-rectgrad.cdx.json"
# Extras for users; the others are for those who work on the project.
EXTRAS = ("imagenet", "imagenet-more", "studies", "cluster")
# Names of the properties that CycloneDX has no field for.
REQUIREMENT, PATH = "captum-rectgrad:requirement", "captum-rectgrad:path"


def sbom() -> dict[str, Any]:
    """The bill of materials.

    Returns:
        The package; what it requires, without versions, as these are chosen at the installation;
        and the weights that are in the wheel, with their hashes.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    package = _package(project)
    required, optional = list(_required(project)), list(_optional(project))
    weights = list(_weights())
    edges = [package["bom-ref"], *(part["bom-ref"] for part in (*required, *optional, *weights))]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.7.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.7",
        "version": 1,
        "metadata": {
            "timestamp": f"{citation['date-released']}T00:00:00Z",
            "lifecycles": [{"phase": "build"}],
            "component": package,
        },
        "components": [*required, *optional, *weights],
        "dependencies": [{"ref": edges[0], "dependsOn": sorted(edges[1:])}],
    }


def text() -> str:
    """The bill of materials as it stands in its file."""
    return json.dumps(sbom(), indent=2) + "\n"


def _package(project: Mapping[str, Any]) -> dict[str, Any]:
    purl = f"pkg:pypi/{project['name']}@{__version__}"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": project["name"],
        "version": __version__,
        "description": project["description"],
        "authors": [{"name": author["name"]} for author in project["authors"]],
        "licenses": [{"license": {"id": project["license"]}}],
        "purl": purl,
        "externalReferences": [{"type": "vcs", "url": project["urls"]["Repository"]}],
    }


def _required(project: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for line in project["dependencies"]:
        yield _dependency(line, "required")


def _optional(project: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for extra in EXTRAS:
        for line in project["optional-dependencies"][extra]:
            yield _dependency(f"{line}; extra == '{extra}'", "optional")


def _dependency(line: str, scope: str) -> dict[str, Any]:
    requirement = Requirement(line)
    name = canonicalize_name(requirement.name)
    bounds = sorted(str(specifier).removeprefix("==") for specifier in requirement.specifier)
    return {
        "type": "library",
        "bom-ref": f"pkg:pypi/{name}",
        "name": name,
        "versionRange": f"vers:pypi/{'|'.join(bounds)}",
        "isExternal": True,
        "scope": scope,
        "purl": f"pkg:pypi/{name}",
        "properties": [{"name": REQUIREMENT, "value": str(requirement)}],
    }


def _weights() -> Iterator[dict[str, Any]]:
    for row in registry.CHECKPOINTS:
        if row.source != "embedded":
            continue
        content = (registry.embedded_folder(row) / WEIGHTS_FILE).read_bytes()
        yield {
            "type": "machine-learning-model",
            "bom-ref": f"checkpoint:{row.name}",
            "name": row.name,
            "version": __version__,
            "description": f"{row.architecture}, trained on {row.data}: {row.purpose}",
            "licenses": [{"license": {"id": row.license}}],
            "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(content).hexdigest()}],
            "properties": [
                {"name": PATH, "value": f"rectgrad_zoo/checkpoints/{row.name}/{WEIGHTS_FILE}"}
            ],
        }


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
