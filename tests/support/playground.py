"""A tab of a browser with the playground of the built site."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

if TYPE_CHECKING:  # optional
    from playwright.sync_api import Browser, FilePayload, Page

SITE = Path(__file__).resolve().parents[2] / "site"
FOLDER = SITE / "playground"
PLACE = "#live-playground"
COMPUTED = f"""document.querySelector('{PLACE} [role=status]').textContent.includes(' at q = ')"""
NEEDS_PLAYGROUND = [
    pytest.mark.site,
    pytest.mark.skipif(not (FOLDER / "networks.json").is_file(), reason="no site: make docs"),
]


class Tab:
    """A tab of the playground, what it asked for, and what the console says."""

    def __init__(self, page: "Page", address: str) -> None:
        self.page, self.address = page, f"{address}playground/"
        self.asked: list[str] = []
        self.messages: list[str] = []
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("console", lambda message: self.messages.append(message.text))
        page.on("pageerror", lambda error: self.messages.append(str(error)))

    def open(self, fragment: str) -> None:
        self.page.goto("about:blank")
        self.page.goto(f"{self.address}#{fragment}")
        self.page.locator(f"{PLACE} form").wait_for()

    def load(self) -> None:
        self.page.click(f"{PLACE} .load")
        self.computed()

    def computed(self) -> None:
        """Wait for the maps of the state."""
        self.page.wait_for_function(COMPUTED, timeout=120_000)
        self.page.wait_for_timeout(100)
        self.page.wait_for_function(COMPUTED)

    def choose(self, image: Image.Image, name: str = "photo.png") -> None:
        self.page.set_input_files(f"{PLACE} [name=own]", payload(image, name))

    def report(self) -> dict[str, Any]:
        with self.page.expect_download() as download:
            self.page.click(f"{PLACE} .json")
        found: dict[str, Any] = json.loads(Path(download.value.path()).read_text("utf-8"))
        return found

    def text(self, selector: str) -> str:
        return self.page.locator(f"{PLACE} {selector}").inner_text()


def payload(image: Image.Image, name: str) -> "FilePayload":
    written = io.BytesIO()
    image.save(written, "PNG")
    return {"name": name, "mimeType": "image/png", "buffer": written.getvalue()}


@contextmanager
def opened(browser: "Browser", address: str, fragment: str = "", **options: Any) -> Iterator[Tab]:
    page = browser.new_page(viewport={"width": 1440, "height": 900}, **options)
    tab = Tab(page, address)
    tab.open(fragment)
    yield tab
    page.close()
