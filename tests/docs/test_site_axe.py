"""axe finds nothing serious on any page of the built site, nor in dark mode."""

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("axe_playwright_python", reason="needs the extra browser")

from tests.support.browser import served

if TYPE_CHECKING:  # optional
    from playwright.sync_api import Browser

SITE = Path(__file__).resolve().parents[2] / "site"
PAGES = sorted(path.parent.relative_to(SITE).as_posix() for path in SITE.rglob("index.html"))
SERIOUS = {"serious", "critical"}
# Reports and pages of the reference are generated, each by one template. Dark mode changes colours
# alone, and axe takes longest for these pages, so one of each is enough there.
GENERATED = ("results/", "reference/")
SAMPLES = ["results/patch/report", "reference/rectgrad"]

pytestmark = [
    pytest.mark.site,
    pytest.mark.skipif(not PAGES, reason="no site: make docs"),
]

# Transitions of colours would be measured half way.
STILL = "* { transition: none !important; animation: none !important; }"
RUN = """async () => (await axe.run({resultTypes: ["violations"]})).violations.map((found) => ({
  rule: found.id,
  impact: found.impact,
  nodes: Object.values(Object.fromEntries(found.nodes.map((node) =>
    [node.any[0]?.message, `${node.target} ${node.any[0]?.message}`]))),
}))"""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served(SITE) as where:
        yield where


def serious(
    browser: "Browser", address: str, pages: list[str], scheme: str, width: int = 1440
) -> list[str]:
    """What axe finds that is serious, a line for each rule and page."""
    script = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
    )
    tab = context.new_page()
    lines: list[str] = []
    for page in pages:
        tab.goto(f"{address}{page}/")
        if page == "playground":  # with a network: tests/docs/test_playground.py
            tab.wait_for_selector("#live-playground form")
        tab.add_style_tag(content=STILL)
        tab.evaluate(script)
        lines += [
            f"{page}: {found['rule']}: {found['nodes']}"
            for found in tab.evaluate(RUN)
            if found["impact"] in SERIOUS
        ]
    context.close()
    return lines


def test_nothing_serious(browser: "Browser", address: str) -> None:
    found = serious(browser, address, PAGES, "light")
    assert not found, "\n".join(found)


def test_nothing_serious_in_dark_mode(browser: "Browser", address: str) -> None:
    written = [page for page in PAGES if not page.startswith(GENERATED)]
    found = serious(browser, address, written + SAMPLES, "dark")
    assert not found, "\n".join(found)


def test_nothing_serious_on_a_phone(browser: "Browser", address: str) -> None:
    pages = [".", "hard-cases", "gallery", "reference/rectgrad", "when-not-to-trust-a-map"]
    found = serious(browser, address, pages, "dark", width=390)
    assert not found, "\n".join(found)
