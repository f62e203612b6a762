"""Tables of verdicts in Chromium: nothing cut off, the header stays, phones see every column."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.browser import contrast, served

if TYPE_CHECKING:  # optional
    from playwright.sync_api import Browser, Page

SITE = Path(__file__).resolve().parents[2] / "site"
PAGES = ("hard-cases", "timm-support", "peers")
CLAIMS = ("results/claims", "results/adversarial/report", "results/roar-kar/report")

pytestmark = [
    pytest.mark.site,
    pytest.mark.skipif(not (SITE / "index.html").is_file(), reason="no site: make docs"),
]

VERDICTS = """() => {
  const rgb = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).map(Number);
  const first = {};
  for (const cell of document.querySelectorAll(".verdict")) first[cell.className] ??= cell;
  return Object.entries(first).map(([kind, cell]) => {
    const style = getComputedStyle(cell);
    return [kind, rgb(style.color), rgb(style.backgroundColor)];
  });
}"""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served(SITE) as where:
        yield where


def opened(browser: "Browser", address: str, width: int, scheme: str = "light") -> "Page":
    tab = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    tab.goto(address)
    return tab


@pytest.mark.parametrize("page", [*PAGES, *CLAIMS])
def test_no_column_is_cut_off(browser: "Browser", address: str, page: str) -> None:
    tab = opened(browser, f"{address}{page}/", 1440)
    found: list[int] = tab.evaluate(
        """() => [...document.querySelectorAll(".table:not(details *)")].map((frame) =>
             frame.scrollWidth - frame.clientWidth)"""
    )
    tab.close()
    assert found
    assert max(found) <= 0


@pytest.mark.parametrize("page", [*PAGES, *CLAIMS[:2]])
def test_the_header_stays(browser: "Browser", address: str, page: str) -> None:
    tab = opened(browser, f"{address}{page}/", 1440)
    found: dict[str, Any] = tab.evaluate(
        """async () => {
             const tables = [...document.querySelectorAll(".verdicts table")];
             const height = (table) => table.offsetHeight;
             const table = tables.reduce((one, other) => height(one) > height(other) ? one : other);
             table.querySelector("tbody tr:last-child").scrollIntoView({behavior: "instant"});
             window.scrollBy({top: -300, behavior: "instant"});
             await new Promise(requestAnimationFrame);
             const header = table.querySelector("thead th").getBoundingClientRect();
             const row = table.querySelector("tbody tr").getBoundingClientRect();
             return {header: header.top, row: row.bottom,
               bar: document.querySelector(".md-header").getBoundingClientRect().bottom};
           }"""
    )
    tab.close()
    assert found["row"] < 0, "the first row is scrolled away"
    assert abs(found["header"] - found["bar"]) <= 1


@pytest.mark.parametrize("page", PAGES)
def test_phones_see_every_column_with_its_title(
    browser: "Browser", address: str, page: str
) -> None:
    tab = opened(browser, f"{address}{page}/", 390)
    found: dict[str, Any] = tab.evaluate(
        """() => {
             const cells = [...document.querySelectorAll(".verdicts tbody :is(td, th)")];
             const outside = cells.filter((cell) => {
               const box = cell.getBoundingClientRect();
               return box.left < 0 || box.right > innerWidth || !box.width;
             });
             const titles = [...document.querySelectorAll(".verdicts tbody td")]
               .map((cell) => getComputedStyle(cell, "::before").content);
             return {cells: cells.length, outside: outside.length, titles: titles};
           }"""
    )
    tab.close()
    assert found["cells"] > 100
    assert found["outside"] == 0
    assert all(title not in {"none", "normal", '": "'} for title in found["titles"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page", [*PAGES, *CLAIMS[:2]])
def test_verdicts_can_be_read(browser: "Browser", address: str, page: str, scheme: str) -> None:
    tab = opened(browser, f"{address}{page}/", 1440, scheme)
    found: list[tuple[str, list[float], list[float]]] = tab.evaluate(VERDICTS)
    tab.close()
    assert len(found) >= 2
    assert [kind for kind, text, ground in found if contrast(text, ground) < 4.5] == []
    grounds = {kind: tuple(ground) for kind, _, ground in found}
    for good, bad in (
        ("right", "wrong"),
        ("holds", "does-not-hold"),
        ("yes", "no"),
        ("right", "no-small-member"),
    ):
        if f"verdict {bad}" in grounds:
            assert grounds.get(f"verdict {good}") != grounds[f"verdict {bad}"]


@pytest.mark.parametrize("page", CLAIMS)
def test_phones_see_every_cell_of_a_claim(browser: "Browser", address: str, page: str) -> None:
    tab = opened(browser, f"{address}{page}/", 390)
    found: list[bool] = tab.evaluate(
        """() => [...document.querySelectorAll(".verdicts tbody :is(td, th)")].map((cell) => {
             const box = cell.getBoundingClientRect();
             return box.left >= 0 && box.right <= innerWidth && box.width > 0;
           })"""
    )
    tab.close()
    assert found
    assert all(found)


def test_tables_scroll_by_keyboard(browser: "Browser", address: str) -> None:
    tab = opened(browser, f"{address}results/claims-of-the-papers/", 390)
    frame = tab.locator(".table").first
    frame.focus()
    tab.keyboard.press("ArrowRight")
    tab.wait_for_function("document.querySelector('.table').scrollLeft > 0", timeout=5000)
    tab.close()
