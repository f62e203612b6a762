"""CITATION.cff is what the format asks for, and says what the project says of itself elsewhere."""

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
CITATION: dict[str, Any] = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))


def test_it_has_the_keys_that_the_format_requires() -> None:
    assert CITATION["cff-version"] == "1.2.0"
    assert CITATION["type"] == "software"
    for work in (CITATION, *CITATION["references"]):
        assert work["title"]
        assert work["authors"]
        for author in work["authors"]:
            # A person or an entity, and nothing of both.
            assert author.keys() in ({"name"}, {"family-names", "given-names"})
    assert CITATION["message"]
    for work in CITATION["references"]:
        assert work["type"] == "conference-paper"


def test_it_has_the_papers_that_the_readme_links_to() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    cited = {work["authors"][0]["family-names"]: work for work in CITATION["references"]}
    assert cited.keys() == {"Kim", "Nie"}
    assert cited["Kim"]["year"] == 2019
    assert cited["Kim"]["url"] in readme
    assert cited["Nie"]["year"] == 2018


def test_the_license_is_the_projects() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'license = "{CITATION["license"]}"' in project
