"""Every page has one place in the navigation, by a title of its own."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from site_build import navigation
from site_build.navigation import all_pages, named, written_out
from site_build.pages import ROOT


@pytest.fixture(scope="module")
def nav() -> list[Any]:
    text = (ROOT / "mkdocs.yml").read_text("utf-8").partition("\nnav:")[2].partition("\n\n")[0]
    loaded: list[Any] = yaml.safe_load("nav:" + text)["nav"]
    return written_out(loaded)


def test_every_page_is_there_once(nav: list[Any]) -> None:
    assert sorted(named(nav)) == sorted(all_pages())


def test_the_sections(nav: list[Any]) -> None:
    assert [title for entry in nav for title in entry] == [
        "Home",
        "Get started",
        "Gallery",
        "Playground",
        "Guides",
        "Trust",
        "How it works",
        "Reference",
        "Project",
    ]


@pytest.mark.checkout
def test_reports_are_named_by_what_they_measure(nav: list[Any]) -> None:
    titles = [title for title, page in titled(nav) if page.endswith("/report.md")]
    assert titles
    assert len(set(titles)) == len(titles)
    assert all(" " in title and title[0].isupper() for title in titles), titles


def test_a_page_outside_is_found(
    nav: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stray.md").write_text("# Stray\n", encoding="utf-8")
    monkeypatch.setattr(navigation, "DOCS", tmp_path)
    assert "stray.md" in set(all_pages()) - set(named(nav))


def test_a_folder_leaves_out_what_is_named_elsewhere() -> None:
    first, *others = named(written_out([{"Zoo": ["zoo/index.md", "zoo/"]}]))
    assert first == "zoo/index.md"
    assert others
    assert first not in others


def titled(entries: list[Any]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for entry in entries:
        if isinstance(entry, dict):
            for title, below in entry.items():
                found += titled(below) if isinstance(below, list) else [(title, below)]
    return found
