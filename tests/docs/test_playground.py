"""The playground of the built site (`make docs`) in Chromium."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import spearmanr
from torch import Tensor

import rectgrad_zoo
from captum_rectgrad import RectGrad
from captum_rectgrad.app.networks import Network
from captum_rectgrad.plotting.images import photographs
from captum_rectgrad.plotting.single_map import capped_map
from tests.support.browser import served

if TYPE_CHECKING:  # optional
    from playwright.sync_api import Browser, Page

SITE = Path(__file__).resolve().parents[2] / "site"
FOLDER = SITE / "playground"
MOST_BYTES = 4_000_000

pytestmark = [
    pytest.mark.site,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="no site: make docs"),
]

SHOWN = """() => {
  const text = (selector) => document.querySelector(`#playground ${selector}`).textContent;
  const canvas = document.querySelector("#playground canvas");
  const all = (selector) => [...document.querySelectorAll(`#playground dl ${selector}`)];
  const numbers = all("dd").map((number) => number.textContent);
  return {
    caption: text(".caption"),
    said: text("[role=status]"),
    label: canvas.getAttribute("aria-label"),
    numbers: Object.fromEntries(all("dt").map((name, row) => [name.textContent, numbers[row]])),
    pixels: [...canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data],
  };
}"""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served(SITE) as where:
        yield where


@contextmanager
def opened(
    browser: "Browser", address: str, width: int = 1440, missing: str = ""
) -> "Iterator[tuple[Page, list[str], list[str]]]":
    """The home page scrolled to the playground, what it asked for, and what the console says."""
    tab = browser.new_page(viewport={"width": width, "height": 900})
    asked: list[str] = []
    messages: list[str] = []
    tab.on("request", lambda request: asked.append(request.url.removeprefix(address)))
    tab.on("console", lambda message: messages.append(message.text))
    tab.on("pageerror", lambda error: messages.append(str(error)))
    if missing:
        tab.route(f"**/{missing}", lambda route: route.fulfill(status=404))
    tab.goto(address)
    tab.wait_for_load_state("networkidle")
    assert not [file for file in asked if file.startswith("playground/")], "asked for unseen maps"
    tab.locator("#playground").scroll_into_view_if_needed()
    tab.wait_for_function("document.querySelector('#playground dd, #playground.failed')")
    yield tab, asked, messages
    tab.close()


def shown(tab: "Page", caption: str) -> dict[str, Any]:
    tab.locator("#playground .caption", has_text=caption).wait_for()
    found: dict[str, Any] = tab.evaluate(SHOWN)
    return found


def test_the_files_are_small_and_complete() -> None:
    files = list(FOLDER.iterdir())
    assert len(files) == 6 * 3 + 2
    assert sum(file.stat().st_size for file in files) < MOST_BYTES


def test_what_the_page_says_is_true() -> None:
    means = json.loads((FOLDER / "maps.json").read_text(encoding="utf-8"))["means"]
    assert means["percentile"] > 0.8
    assert min(means["class"], means["class-at-default"]) > 0.8
    assert means["class-of-saliency"] < 0.5
    text = (SITE / "index.html").read_text(encoding="utf-8")
    assert all(f"{value:.2f}" in text for value in means.values())
    assert "{{" not in text


def test_it_loads_what_is_shown(browser: "Browser", address: str) -> None:
    with opened(browser, address) as (tab, asked, messages):
        sprites = {file for file in asked if file.endswith(("trained.webp", "random.webp"))}
        assert sprites == {"playground/chelsea-trained.webp"}
        tab.check("#playground [name=random]")
        random = shown(tab, "random weights")
        assert "playground/chelsea-random.webp" in asked
        assert "the map of the network with trained weights" in random["numbers"]
        assert not messages


def test_the_keyboard_changes_picture_and_number(browser: "Browser", address: str) -> None:
    with opened(browser, address) as (tab, _, messages):
        before = shown(tab, "RectGrad at q = 98 for tiger cat")
        tab.focus("#playground [name=photograph]:checked")
        for _ in range(3):  # class, method, percentile
            tab.keyboard.press("Tab")
        for _ in range(3):
            tab.keyboard.press("ArrowLeft")
        after = shown(tab, "RectGrad at q = 80 for tiger cat")
        assert after["pixels"] != before["pixels"]
        assert before["numbers"]["the map at q = 80"] != after["numbers"]["the map at q = 80"]
        assert after["numbers"]["the map at q = 80"] == "1.00"
        assert after["caption"] in after["said"]
        assert after["caption"] in after["label"]

        tab.keyboard.press("Shift+Tab")
        tab.keyboard.press("ArrowLeft")
        guided = shown(tab, "Guided BP for tiger cat")
        assert "the map at q = 80" not in guided["numbers"]
        assert tab.locator("#playground [name=q]").is_disabled()

        tab.keyboard.press("Shift+Tab")
        tab.keyboard.press("ArrowRight")
        assert "the map for tiger cat" in shown(tab, "Guided BP for Egyptian cat")["numbers"]
        assert not messages


def test_the_slider_follows_the_mouse(browser: "Browser", address: str) -> None:
    with opened(browser, address) as (tab, *_):
        box = tab.locator("#playground [name=q]").bounding_box()
        assert box is not None
        tab.mouse.click(box["x"] + 8, box["y"] + box["height"] / 2)
        assert shown(tab, "RectGrad at q = 0 for tiger cat")["numbers"]["the map at q = 80"] < "0.5"


def similarity(first: Tensor, second: Tensor) -> float:
    one, other = (np.abs(each[0].double().sum(dim=0).numpy()).ravel() for each in (first, second))
    return float(spearmanr(one, other).statistic)


def test_it_shows_what_one_computes_oneself(browser: "Browser", address: str) -> None:
    network = Network(rectgrad_zoo.load("tf_efficientnet_lite0"))
    x = rectgrad_zoo.transform(network.model)(photographs()["coffee"])[None]
    order = network.model(x)[0].argsort(descending=True).tolist()
    names = network.classes(len(order))
    own = order[-1]
    method = RectGrad(network.model, percentile=95)
    attribution = method.attribute(x, target=own)
    randomised = RectGrad(network.randomised, percentile=95)
    others = {
        "the map at q = 80": RectGrad(network.model, 80).attribute(x, target=own),
        f"the map for {names[order[0]]}": method.attribute(x, target=order[0]),
        f"the map for {names[order[1]]}": method.attribute(x, target=order[1]),
        "the map of the network with random weights": randomised.attribute(x, target=own),
    }
    with opened(browser, address) as (tab, *_):
        tab.check("#playground [name=photograph] >> nth=1")
        tab.check("#playground [name=class] >> nth=2")
        tab.focus("#playground [name=q]")
        tab.keyboard.press("ArrowLeft")
        found = shown(tab, f"RectGrad at q = 95 for {names[own]}")
    assert list(found["numbers"]) == list(others)
    for name, other in others.items():
        assert float(found["numbers"][name]) == pytest.approx(
            similarity(attribution, other), abs=0.011
        )
    alpha = np.array(found["pixels"]).reshape(*x.shape[2:], 4)[..., 3] / 255
    errors = {name: abs(alpha - opacity(other)).mean() for name, other in others.items()}
    assert abs(alpha - opacity(attribution)).mean() < min(0.03, *errors.values())


def opacity(attribution: Tensor) -> NDArray[np.float64]:
    """How much of the photograph a map of RectGrad hides, `(H, W)`."""
    values = capped_map(attribution[0])
    return np.sqrt(values / values.max())


@pytest.mark.parametrize("file", ["maps.json", "rocket.webp", "chelsea-trained.webp"])
def test_a_missing_file_is_said(browser: "Browser", address: str, file: str) -> None:
    with opened(browser, address, missing=file) as (tab, *_):
        sentence = tab.locator("#playground [role=status]")
        assert sentence.bounding_box()["height"] > 10
        assert f"playground/{file} could not be loaded" in sentence.inner_text()
        assert not tab.locator("#playground canvas").is_visible()


def test_the_next_choice_tries_again(browser: "Browser", address: str) -> None:
    with opened(browser, address, missing="chelsea-random.webp") as (tab, *_):
        tab.check("#playground [name=random]")
        tab.locator("#playground.failed").wait_for()
        tab.uncheck("#playground [name=random]")
        tab.locator("#playground:not(.failed) canvas").wait_for()
        assert shown(tab, "trained weights")["numbers"]
        tab.unroute("**/chelsea-random.webp")
        tab.check("#playground [name=random]")
        assert shown(tab, "random weights")["numbers"]


def test_phones_see_the_map_below_the_slider(browser: "Browser", address: str) -> None:
    with opened(browser, address, width=390) as (tab, *_):
        slider, canvas, numbers = (
            tab.locator(f"#playground {each}").bounding_box()
            for each in ("[name=q]", "canvas", "dl")
        )
        assert slider is not None
        assert canvas is not None
        assert numbers is not None
        assert canvas["width"] > 330
        assert slider["y"] < canvas["y"] < numbers["y"]
        assert numbers["y"] + numbers["height"] - slider["y"] < 750
        overflow = tab.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert overflow <= 0


def test_a_picture_and_a_sentence_without_javascript(browser: "Browser", address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(address)
    picture = tab.locator("#playground img")
    picture.scroll_into_view_if_needed()
    assert picture.is_visible()
    sentence = tab.locator("#playground noscript p")
    assert sentence.is_visible()
    assert "needs JavaScript" in sentence.inner_text()
    assert not tab.locator("#playground form").is_visible()
    context.close()
