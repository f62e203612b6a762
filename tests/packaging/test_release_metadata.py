"""Files that repeat the version, the date, the address or the requirements have them right."""

import json
import re
from typing import Any

import yaml

from captum_rectgrad import __version__
from tests.support.requirements import ROOT, project

CITATION: dict[str, Any] = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
CODEMETA: dict[str, Any] = json.loads((ROOT / "codemeta.json").read_text("utf-8"))
REPOSITORY: str = project()["urls"]["Repository"]


def releases() -> list[tuple[str, str]]:
    """Versions and dates in the changelog, newest first, but for what is not released yet."""
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    found = [re.fullmatch(r"\[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d)", line) for line in headings]
    released = [match for match in found if match is not None]
    # Any other heading is a release without a date, or a mistake.
    assert len(headings) - len(released) == ("[Unreleased]" in headings)
    return [(match[1], match[2]) for match in released]


def test_the_changelogs_newest_release_is_this_version() -> None:
    assert releases()[0][0] == __version__
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    for version, _ in releases():
        assert f"\n[{version}]: {REPOSITORY}/releases/tag/v{version}\n" in changelog


def test_the_citation_has_the_version_the_date_and_the_repository() -> None:
    assert CITATION["version"] == __version__
    assert str(CITATION["date-released"]) == releases()[0][1]
    assert CITATION["repository-code"] == REPOSITORY


def test_codemeta_says_what_pyproject_and_the_citation_say() -> None:
    table = project()
    assert CODEMETA["version"] == __version__
    assert CODEMETA["dateModified"] == CODEMETA["datePublished"] == releases()[0][1]
    assert CODEMETA["name"] == table["name"]
    assert CODEMETA["description"] == table["description"]
    assert CODEMETA["license"] == f"https://spdx.org/licenses/{table['license']}"
    assert [author["name"] for author in CODEMETA["author"]] == [
        author["name"] for author in table["authors"]
    ]
    assert CODEMETA["keywords"] == CITATION["keywords"] == table["keywords"]
    assert CODEMETA["runtimePlatform"] == f"Python {table['requires-python']}"
    assert CODEMETA["softwareRequirements"] == table["dependencies"]
    assert CODEMETA["codeRepository"] == REPOSITORY
    assert [(work["name"], work["url"]) for work in CODEMETA["referencePublication"]] == [
        (work["title"], work["url"]) for work in CITATION["references"]
    ]


def test_the_project_has_one_address() -> None:
    files = [
        *(path for path in ROOT.iterdir() if path.suffix in {".md", ".json", ".cff", ".toml"}),
        *(path for path in (ROOT / ".github").rglob("*") if path.is_file()),
        *(ROOT / "conda").iterdir(),
    ]
    texts = [path.read_text("utf-8") for path in files]
    found = {found for text in texts for found in re.findall(r"https://github\.com/[\w./-]*", text)}
    assert len(found) > 1
    assert all(f"{address}/".startswith(f"{REPOSITORY}/") for address in found), found


def test_the_classifiers_name_the_pythons_from_the_oldest_on() -> None:
    table = project()
    named = [
        tuple(map(int, version.split(".")))
        for version in re.findall(r"Python :: (\d+\.\d+)\b", " ; ".join(table["classifiers"]))
    ]
    oldest = tuple(map(int, table["requires-python"].removeprefix(">=").split(".")))
    assert named == [(oldest[0], oldest[1] + later) for later in range(len(named))]
