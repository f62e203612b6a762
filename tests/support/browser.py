"""Chromium, the built site served on the loopback interface, and what a browser finds there."""

import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:  # optional
    from playwright.sync_api import Browser, BrowserContext, Page, Response

EXECUTABLES = ("chromium", "chromium-browser", "google-chrome")
AFTERWARDS = 100  # milliseconds for what a page asks for after it was loaded

# What is wrong with an open page, in the page's own words.
LOOK = """() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const rgb = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).map(Number);
  return {
    title: document.title,
    nameless: all("img").filter((image) => !image.alt.trim()).map((image) => image.src),
    empty: all("img").filter((image) => !image.naturalWidth).map((image) => image.src),
    formulas: all(".arithmatex").length,
    unset: all(".arithmatex").filter((formula) => !formula.querySelector(".katex")
      || formula.querySelector(".katex-error")).map((formula) => formula.textContent),
    overflow: document.documentElement.scrollWidth - window.innerWidth,
    scheme: document.body.dataset.mdColorScheme,
    text: rgb(getComputedStyle(document.querySelector(".md-typeset")).color),
    background: rgb(getComputedStyle(document.body).backgroundColor),
  };
}"""


class Quiet(SimpleHTTPRequestHandler):
    """Serves files without a line for each."""

    def log_message(self, *_: Any) -> None: ...


@dataclass
class Visit:
    """What a page did and what it looked like."""

    page: str
    width: int
    scheme: str
    found: dict[str, Any] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


@contextmanager
def served(site: Path) -> Iterator[str]:
    """The address of the site."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """Chromium: the system's, else the one that Playwright may have installed.

    Its camera shows a test pattern, to pages with the permission.
    """
    api = pytest.importorskip("playwright.sync_api", reason="needs the extra browser")
    chromium = next((path for name in EXECUTABLES if (path := shutil.which(name))), None)
    # Containers have no user namespaces; the pages are our own.
    arguments = ["--no-sandbox", "--use-fake-device-for-media-stream"]
    with api.sync_playwright() as driver:
        try:
            started = driver.chromium.launch(executable_path=chromium, args=arguments)
        except api.Error as error:
            pytest.skip(f"no Chromium (apt-get install chromium, or playwright install): {error}")
        yield started
        started.close()


def visit(
    browser: "Browser", address: str, pages: Sequence[str], width: int, scheme: str
) -> list[Visit]:
    """Open pages one after the other, as one reader does, and look at each."""
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    try:
        return [_look(context, address, Visit(page, width, scheme)) for page in pages]
    finally:
        context.close()


def _look(context: "BrowserContext", address: str, result: Visit) -> Visit:
    """Fill in what was found."""

    def answered(answer: "Response") -> None:
        if answer.status >= HTTPStatus.BAD_REQUEST:
            result.failures.append(answer.url)

    tab = context.new_page()
    tab.on("console", lambda message: result.messages.append(f"{message.type}: {message.text}"))
    tab.on("pageerror", lambda error: result.messages.append(f"error: {error}"))
    tab.on("request", lambda request: result.requests.append(request.url))
    tab.on("requestfailed", lambda request: result.failures.append(request.url))
    tab.on("response", answered)
    tab.goto(address + result.page)
    tab.wait_for_timeout(AFTERWARDS)
    # Scripts add pictures after the page has loaded. A picture that failed is complete, too.
    tab.wait_for_function("[...document.images].every((image) => image.complete)")
    result.found = tab.evaluate(LOOK)
    tab.close()
    return result


def contrast(first: list[float], second: list[float]) -> float:
    """Contrast of two sRGB colours, 1 to 21 (WCAG 2.2)."""

    def luminance(colour: list[float]) -> float:
        linear = [
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
            for c in (value / 255 for value in colour)
        ]
        return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    dark, light = sorted((luminance(first), luminance(second)))
    return (light + 0.05) / (dark + 0.05)


def search(tab: "Page", words: str) -> None:
    """Type into the search of the site. It listens to keys, which `Page.fill` does not press."""
    tab.locator("input.md-search__input").press_sequentially(words)
