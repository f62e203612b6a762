"""Every page of the built site (`make docs`) in Chromium: wide and light, narrow and dark."""

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright", reason="needs the extra browser")

from playwright.sync_api import Browser, expect

from tests.support.browser import Visit, contrast, search, served, visit

SITE = Path(__file__).resolve().parents[2] / "site"
PAGES = sorted(path.parent.relative_to(SITE).as_posix() for path in SITE.rglob("index.html"))

pytestmark = [
    pytest.mark.site,
    pytest.mark.skipif(not PAGES, reason="no site: make docs"),
]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served(SITE) as where:
        yield where


@pytest.fixture(scope="module")
def visits(browser: Browser, address: str) -> list[Visit]:
    pages = ["" if page == "." else f"{page}/" for page in PAGES]
    wide = visit(browser, address, pages, 1400, "light")
    return wide + visit(browser, address, pages, 390, "dark")


def test_there_are_pages_of_every_kind(visits: list[Visit]) -> None:
    pages = {one.page for one in visits}
    assert {"", "install/", "results/", "results/patch/report/", "zoo/", "changelog/"} <= pages
    assert any(page.startswith("tutorials/") for page in pages)
    assert any(page.startswith("reference/") for page in pages)


def test_nothing_is_said_in_the_console(visits: list[Visit]) -> None:
    assert {(one.page, *one.messages) for one in visits if one.messages} == set()


def test_nothing_leaves_the_machine(visits: list[Visit], address: str) -> None:
    requests = {request for one in visits for request in one.requests}
    assert len(requests) > len(PAGES)
    assert {one for one in requests if not one.startswith((address, "data:", "blob:"))} == set()


def test_no_request_fails(visits: list[Visit]) -> None:
    assert {(one.page, *one.failures) for one in visits if one.failures} == set()


def test_pictures_have_words(visits: list[Visit]) -> None:
    for kind in ("nameless", "empty"):
        assert {(one.page, *one.found[kind]) for one in visits if one.found[kind]} == set()


def test_formulas_are_set(visits: list[Visit]) -> None:
    assert {(one.page, *one.found["unset"]) for one in visits if one.found["unset"]} == set()
    if (SITE / "method").is_dir():
        assert sum(one.found["formulas"] for one in visits if one.page == "method/")


def test_no_page_scrolls_sideways(visits: list[Visit]) -> None:
    wide = {(one.page, one.width) for one in visits if one.found["overflow"] > 0}
    assert wide == set()


@pytest.mark.parametrize("width", [390, 1400])
@pytest.mark.parametrize(("scheme", "theme"), [("light", "default"), ("dark", "slate")])
def test_light_and_dark(
    browser: Browser, address: str, width: int, scheme: str, theme: str
) -> None:
    (visited,) = visit(browser, address, [""], width, scheme)
    found = visited.found
    assert found["scheme"] == theme
    assert (sum(found["background"]) > 3 * 128) == (scheme == "light")
    assert contrast(found["text"], found["background"]) >= 4.5


@pytest.mark.parametrize("width", [390, 1400])
def test_search(browser: Browser, address: str, width: int) -> None:
    tab = browser.new_page(viewport={"width": width, "height": 800})
    try:
        tab.goto(address)
        if width == 390:
            tab.click("label.md-header__button[for=__search]")
        search(tab, "padding trick")
        first = tab.locator(".md-search-result__link").first
        # Results follow every key; those of a part of the words come first.
        expect(first).to_contain_text("padding trick", ignore_case=True)
        with tab.expect_navigation():
            first.click()
        assert "padding trick" in tab.inner_text("article").lower()
    finally:
        tab.close()
