"""Pictures that a reader gives the playground of the built site, in Chromium."""

import base64
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from captum_rectgrad.plotting.images import photographs
from tests.support.browser import served
from tests.support.playground import NEEDS_PLAYGROUND, PLACE, SITE, Tab, opened, payload

if TYPE_CHECKING:  # optional
    from playwright.sync_api import Browser, FilePayload, Route

RESAMPLE = """async ([pixels, width, height, newWidth, newHeight]) => {
  const {resample} = await import(new URL("resampling.js", location.href.split("#")[0]));
  return [...resample({pixels, width, height}, newWidth, newHeight).pixels];
}"""
# A file as the system hands it to a page.
DROPPED = """async ([name, letters]) => {
  const bytes = Uint8Array.from(atob(letters), (letter) => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, {type: "image/png"}));
  return transfer;
}"""
# A browser drops nothing on an element that does not cancel this event.
IS_TARGET = """(element) => {
  return !element.dispatchEvent(new DragEvent("dragover", {bubbles: true, cancelable: true}));
}"""

pytestmark = NEEDS_PLAYGROUND


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served(SITE) as where:
        yield where


def test_a_dropped_picture_is_explained(browser: "Browser", address: str) -> None:
    photo = payload(photographs()["coffee"], "photo.png")
    with opened(browser, address, "q=80") as tab:
        tab.page.set_input_files(f"{PLACE} [name=own]", photo)
        tab.page.locator(f"{PLACE} .size", has_text="photo.png has 600 x 400 pixels").wait_for()
        tab.load()
        chosen = tab.report()
    with opened(browser, address, "q=80&class=3") as tab:
        tab.load()
        canvas = f"{PLACE} .picture canvas"
        assert tab.page.locator(canvas).evaluate(IS_TARGET)
        letters = base64.b64encode(photo["buffer"]).decode()
        transfer = tab.page.evaluate_handle(DROPPED, ["photo.png", letters])
        tab.page.dispatch_event(canvas, "drop", {"dataTransfer": transfer})
        tab.page.locator(f"{PLACE} .size", has_text="photo.png has 600 x 400 pixels").wait_for()
        tab.computed()
        assert tab.report() == chosen  # the class of the link was that of another picture
        assert not tab.messages
        assert not [each for each in tab.asked if "photo" in each]


@pytest.mark.parametrize(
    ("size", "new"), [((451, 300), (48, 32)), ((40, 30), (42, 32)), ((9, 400), (20, 33))]
)
def test_pictures_are_scaled_as_by_pillow(
    browser: "Browser", address: str, size: tuple[int, int], new: tuple[int, int]
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    with opened(browser, address) as tab:
        found = tab.page.evaluate(RESAMPLE, [pixels.ravel().tolist(), *size, *new])
    expected_pixels = np.asarray(Image.fromarray(pixels).resize(new, Image.Resampling.BICUBIC))
    assert found == expected_pixels.ravel().tolist()


def test_a_wrong_picture_is_explained(browser: "Browser", address: str) -> None:
    with opened(browser, address) as tab:
        alert = tab.page.locator(f"{PLACE} [role=alert]")
        tab.choose(Image.new("RGB", (300, 4)), "strip.png")
        alert.filter(
            has_text="strip.png has 300 x 4 pixels: choose a picture with at least 8"
        ).wait_for()
        text: FilePayload = {"name": "notes.png", "mimeType": "image/png", "buffer": b"words"}
        tab.page.set_input_files(f"{PLACE} [name=own]", text)
        alert.filter(has_text="notes.png cannot be read as a picture").wait_for()
        tab.choose(Image.new("RGB", (40, 30), "red"))
        scaled = "40 x 30 pixels. It is scaled to 42 x 32"
        tab.page.locator(f"{PLACE} .size", has_text=scaled).wait_for()
        assert not alert.is_visible()
        tab.choose(Image.new("RGB", (32, 32), "red"))
        tab.page.locator(f"{PLACE} .size", has_text=re.compile("^$")).wait_for(state="attached")


@contextmanager
def slow_start(browser: "Browser", address: str) -> Iterator[tuple[Tab, Callable[[], None]]]:
    """A tab that waits for the picture of its link, and a function that lets the picture arrive."""
    page = browser.new_page()
    requests: list[Route] = []
    # Playwright sets an attribute on the handler, which a built-in method does not allow.
    page.route("**/rocket.webp", lambda route: requests.append(route))  # noqa: PLW0108
    tab = Tab(page, address)
    tab.open("picture=rocket")

    def arrive() -> None:
        with page.expect_event("requestfinished"):
            requests[0].continue_()

    yield tab, arrive
    page.close()


def test_a_picture_that_arrives_late_does_not_replace_a_later_choice(
    browser: "Browser", address: str
) -> None:
    with slow_start(browser, address) as (tab, arrive):
        size = tab.page.locator(f"{PLACE} .size")
        tab.choose(photographs()["coffee"])
        size.filter(has_text="photo.png has 600 x 400 pixels").wait_for()
        arrive()
        tab.load()
        assert "photo.png" in size.inner_text()
        assert tab.report()["picture"] == "own"


def test_a_wrong_picture_leaves_one_that_is_still_loading(browser: "Browser", address: str) -> None:
    with slow_start(browser, address) as (tab, arrive):
        tab.choose(Image.new("RGB", (300, 4)), "strip.png")
        alert = tab.page.locator(f"{PLACE} [role=alert]", has_text="strip.png has 300 x 4 pixels")
        alert.wait_for()
        arrive()
        tab.page.locator(f"{PLACE} .size", has_text="The picture has").wait_for()
        assert alert.is_visible()
