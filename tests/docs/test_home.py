"""The home page: its numbers, and in Chromium its weight and its first screen."""

import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.browser import served
from tests.support.records import blocks, numbers

if TYPE_CHECKING:  # optional
    from playwright.sync_api import Browser, Page, Response

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "site"
MOST_BYTES = 1_000_000

in_chromium = [
    pytest.mark.site,
    pytest.mark.skipif(not (SITE / "index.html").is_file(), reason="no site: make docs"),
]

LOOK = """() => {
  const box = (element) => element.getBoundingClientRect();
  const seen = [...document.querySelectorAll(".panel img")].filter((image) => box(image).width);
  return {
    tops: seen.map((image) => Math.round(box(image).top)),
    lefts: seen.map((image) => Math.round(box(image).left)),
    widths: seen.map((image) => box(image).width),
    bottom: Math.max(...seen.map((image) => box(image).bottom)),
    buttons: [...document.querySelectorAll(".hero .md-button")].map((link) => box(link).bottom),
    unsized: [...document.querySelectorAll("article img")]
      .filter((image) => !image.width || !image.getAttribute("height")).map((image) => image.src),
    others: [...document.querySelectorAll("article img")]
      .map((image) => image.src).filter((source) => !source.endsWith(".webp")),
  };
}"""


def found_numbers(page: str) -> set[str]:
    text = (ROOT / page).read_text("utf-8").rpartition("\n---\n")[2]
    text = re.sub(r"\{ width=.* \}|<[^>]+>", "", text)
    return {number for block in blocks(text) for number in numbers(block)}


def test_its_numbers_are_those_of_the_readme() -> None:
    shown = found_numbers("docs/index.md")
    assert {"417", "0.81", "0.47"} <= shown
    # What the network says of the espresso, what similarity 1 means, and the size of two downloads,
    # which test_playground.py compares with the files.
    assert shown - found_numbers("README.md") <= {"95 %", "1", "24", "8"}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served(SITE) as where:
        yield where


def opened(browser: "Browser", address: str, width: int) -> "Page":
    tab = browser.new_page(viewport={"width": width, "height": 900})
    tab.goto(address)
    tab.wait_for_load_state("networkidle")
    return tab


class TestInChromium:
    pytestmark = in_chromium

    def test_it_weighs_less_than_a_megabyte(self, browser: "Browser", address: str) -> None:
        answers: list[Response] = []
        tab = browser.new_page(viewport={"width": 1440, "height": 900})
        tab.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108
        tab.goto(address)
        tab.wait_for_load_state("networkidle")
        bodies = {answer.url.removeprefix(address): answer.body() for answer in answers}
        tab.close()
        assert len(bodies) > 10
        # The index of the search, which a worker reads later, counts as web servers send it.
        index = bodies.pop("search/search_index.json")
        sizes = {name: len(body) for name, body in bodies.items()}
        assert sum(sizes.values()) + len(gzip.compress(index)) < MOST_BYTES, sizes

    def test_the_first_screen_has_three_large_panels_and_four_buttons(
        self, browser: "Browser", address: str
    ) -> None:
        tab = opened(browser, address, 1440)
        found: dict[str, Any] = tab.evaluate(LOOK)
        tab.close()
        assert len(found["tops"]) == 3
        assert len(set(found["tops"])) == 1
        assert min(found["widths"]) > 250
        assert len(found["buttons"]) == 4
        assert max(found["bottom"], *found["buttons"]) < 900
        assert found["unsized"] == found["others"] == []

    def test_one_column_on_a_phone(self, browser: "Browser", address: str) -> None:
        tab = opened(browser, address, 390)
        found: dict[str, Any] = tab.evaluate(LOOK)
        tab.close()
        assert len(set(found["tops"])) == 3
        assert len(set(found["lefts"])) == 1
        assert min(found["widths"]) > 330

    def test_tabs_show_other_photographs_and_the_command(
        self, browser: "Browser", address: str
    ) -> None:
        tab = opened(browser, address, 1440)
        for label, shown in (
            ("Missile", "img[src*=rocket-rectgrad]"),
            ("Command line", "text=rectgrad explain"),
        ):
            assert not tab.locator(shown).first.is_visible()
            tab.click(f".tabbed-labels >> text={label}")
            assert tab.locator(shown).first.is_visible()
        tab.close()
