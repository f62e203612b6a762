"""What the search of the built site finds first, and what a page says of itself."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.browser import search, served

if TYPE_CHECKING:  # optional
    from playwright.sync_api import Browser

SITE = Path(__file__).resolve().parents[2] / "site"
FIRST = 4  # results that one looks at

pytestmark = [
    pytest.mark.site,
    pytest.mark.skipif(not (SITE / "index.html").is_file(), reason="no site: make docs"),
]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served(SITE) as where:
        yield where


def found(browser: "Browser", address: str, words: str) -> list[str]:
    """The pages found, in order, as paths of the site."""
    tab = browser.new_page(viewport={"width": 1440, "height": 900})
    try:
        tab.goto(f"{address}install/")
        search(tab, words)
        links = tab.locator(".md-search-result__item > .md-search-result__link")
        links.first.wait_for(state="attached", timeout=8000)
        hrefs = [str(links.nth(number).get_attribute("href")) for number in range(links.count())]
    finally:
        tab.close()
    return [href.removeprefix(address).partition("?")[0] for href in hrefs]


@pytest.mark.parametrize(
    ("words", "page"),
    [
        ("cite", "cite/"),
        ("heatmap", "gallery/"),
        ("faq", "how-to/troubleshooting/"),
        ("LayerRectGrad.attribute", "reference/layers-and-neurons/"),
        ("percentile", "choose-a-method/"),
        ("layer", "how-to/explain-a-layer-or-neuron/"),
        ("GPU", "how-to/use-a-gpu/"),
        ("fine-tuned", "how-to/fine-tuned-weights/"),
        ("exit status", "reference/command-line/"),
    ],
)
def test_the_page_for_it_is_among_the_first(
    browser: "Browser", address: str, words: str, page: str
) -> None:
    assert page in found(browser, address, words)[:FIRST]


def test_reports_are_not_the_first(browser: "Browser", address: str) -> None:
    for words in ("percentile", "layer", "GPU"):
        assert not found(browser, address, words)[0].startswith("results/")


def test_every_page_has_an_address_and_a_description() -> None:
    tree = ET.parse(SITE / "sitemap.xml")  # noqa: S314 (made by the build)
    addresses = [str(element.text) for element in tree.iter() if element.tag.endswith("loc")]
    assert len(addresses) == len(list(SITE.rglob("index.html")))
    assert all(address.startswith("https://") for address in addresses)
    for page in SITE.rglob("index.html"):
        head = page.read_text(encoding="utf-8").partition("</head>")[0]
        assert '<meta name="description" content="' in head
        assert 'rel="icon" href="' in head
        assert 'rel="canonical" href="https://' in head
