"""The playground of the built site (`make docs`) in Chromium."""

import gzip
import json
import re
import statistics
from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import spearmanr
from torch import Tensor

import rectgrad_zoo
from captum_rectgrad.plotting.images import photographs
from site_build.playground_networks import COLUMNS, NETWORKS, network
from tests.support.browser import served
from tests.support.playground import FOLDER, NEEDS_PLAYGROUND, PLACE, SITE, Tab, opened

if TYPE_CHECKING:  # optional
    from playwright.sync_api import Browser

TOLERANCE = 1e-4  # of the largest value of a map
# Of the sum of a map's absolute values, where rounding decides whether a unit passes.
MOST_FLIPPED = 0.02
# Milliseconds until the map has followed the slider, for each percentile.
SLIDE = """async (percentiles) => {
  const slider = document.querySelector("#live-playground [name=q]");
  const title = document.querySelector("#live-playground [data-column=rectgrad] .title");
  const found = [];
  for (const q of percentiles) {
    const start = performance.now();
    const shown = new Promise((resolve) => {
      const observer = new MutationObserver(() => {
        if (!title.textContent.endsWith(`q = ${q}`)) return;
        observer.disconnect();
        resolve();
      });
      observer.observe(title, {childList: true});
    });
    slider.value = q;
    slider.dispatchEvent(new Event("input", {bubbles: true}));
    await shown;
    found.push(performance.now() - start);
  }
  return found;
}"""
pytestmark = NEEDS_PLAYGROUND


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served(SITE) as where:
        yield where


def expected(name: str, column: str, x: Tensor, target: int, q: float | None) -> Tensor:
    """The map of PyTorch, summed over channels, `(H * W,)`."""
    made: Any = COLUMNS[column].method
    method = made(network(name)) if q is None else made(network(name), percentile=q)
    found: Tensor = method.attribute(x, target=target, **COLUMNS[column].options)
    return found[0].double().sum(dim=0).flatten()


@pytest.mark.parametrize(
    ("name", "q"),
    [("cifar10_cnn", 80), ("cifar10_cnn_occluded", 98), ("tf_efficientnet_lite0", 90)],
)
def test_maps_are_those_of_pytorch(browser: "Browser", address: str, name: str, q: float) -> None:
    photo = photographs()["coffee"]
    with opened(browser, address, f"network={name}&q={q}") as tab:
        tab.choose(photo)
        tab.page.locator(f"{PLACE} .size", has_text="photo.png has 600 x 400 pixels").wait_for()
        tab.load()
        found = tab.report()
        assert not tab.messages
    model = network(name)
    x = rectgrad_zoo.transform(model)(photo)[None]
    logits = model(x)[0].detach()
    torch.testing.assert_close(torch.tensor(found["logits"]), logits, rtol=0, atol=1e-4)
    assert found["class"] == logits.argmax()
    assert len(found["maps"]) == len(COLUMNS) + 2
    reference = next(each for each in found["maps"] if each["title"].startswith("RectGrad, "))
    exact = 0
    for each in found["maps"]:
        wanted = expected(each["network"], each["method"], x, each["class"], each["percentile"])
        got = torch.tensor(each["map"], dtype=torch.float64)
        gap = (got - wanted).abs()
        exact += bool(gap.max() <= TOLERANCE * wanted.abs().max())
        assert gap.sum() <= MOST_FLIPPED * wanted.abs().sum(), each["title"]
        similarity = spearmanr(np.abs(each["map"]), np.abs(reference["map"])).statistic
        assert each["rank_correlation"] == pytest.approx(similarity, abs=1e-3)
    assert exact >= len(found["maps"]) // 2
    controls = {each["network"] for each in found["maps"]} - {name}
    assert controls == {NETWORKS[name].control}


def test_nothing_is_loaded_until_it_is_asked_for(browser: "Browser", address: str) -> None:
    with opened(browser, address) as tab:
        tab.page.wait_for_load_state("networkidle")
        assert not [each for each in tab.asked if re.search(r"vendor|weights|onnx", each)]
        offered = tab.text(".load")
        tab.load()
        assert not [each for each in tab.asked if not each.startswith((tab.address[:-11], "blob:"))]
        local = {each.removeprefix(tab.address).partition("#")[0] for each in tab.asked}
    sizes = {name: (FOLDER / name).stat().st_size for name in local if (FOLDER / name).is_file()}
    network_bytes = sum(n for name, n in sizes.items() if name.endswith((".weights", ".gz")))
    assert offered == f"Load the network ({network_bytes / 1e6:.1f} MB)"
    assert sum(sizes.values()) < 15_000_000
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) < 40_000_000


def test_the_home_page_leads_to_it(browser: "Browser", address: str) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(address)
    button = page.get_by_role("link", name="Try it", exact=True)
    box = button.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < 900
    sizes = re.findall(r"(\d+) MB", page.locator(".try p").inner_text())
    with page.expect_navigation():
        button.click()
    logit = page.locator(f"{PLACE} .logit", has_text="tiger cat")
    logit.wait_for(timeout=120_000)
    page.close()
    described = json.loads((FOLDER / "networks.json").read_text("utf-8"))
    for shown, name in zip(sizes, ("tf_efficientnet_lite0", "cifar10_cnn"), strict=True):
        parts = [described["networks"][each] for each in (name, NETWORKS[name].control)]
        total = sum(file["bytes"] for part in parts for file in part["files"].values())
        assert int(shown) == round((total + described["runtime"]["bytes"]) / 1e6)


@pytest.mark.parametrize(("name", "most"), [("cifar10_cnn", 100), ("tf_efficientnet_lite0", 3000)])
def test_the_map_follows_the_slider(
    browser: "Browser", address: str, name: str, most: float
) -> None:
    with opened(browser, address, f"network={name}") as tab:
        tab.load()
        found: Sequence[float] = tab.page.evaluate(SLIDE, list(range(97, 87, -1)))
        # Not each: a movement that meets a garbage collection or another process waits for it.
        assert statistics.median(found) < most, found


def test_a_link_restores_the_state(browser: "Browser", address: str) -> None:
    given = (
        "network=cifar10_cnn&picture=rocket&class=3&other=7&q=85.5&method=guided&another=1&random=0"
    )
    with opened(browser, address, given) as tab:
        tab.load()
        tab.page.locator(f"{PLACE} .picture canvas").click(position={"x": 40, "y": 60})
        tab.page.locator(f"{PLACE} .covered-share", has_text="covered").wait_for()
        tab.computed()
        first, link = tab.report(), tab.page.url
        assert link.partition("#")[2].startswith(given)
        tab.open(link.partition("#")[2])
        tab.load()
        assert tab.report() == first
        assert not tab.page.locator(f"{PLACE} [data-column=random]").is_visible()
        assert not tab.messages
    assert first["class"] == 3
    assert first["q"] == 85.5
    assert {each["class"] for each in first["maps"]} == {3, 7}
    assert first["covered"]


def test_the_keyboard_is_enough(browser: "Browser", address: str) -> None:
    with opened(browser, address) as tab:
        page = tab.page
        page.focus(f"{PLACE} .load")
        page.keyboard.press("Enter")
        tab.computed()
        page.focus(f"{PLACE} [name=q]")
        for _ in range(4):
            page.keyboard.press("ArrowLeft")
        page.locator(f"{PLACE} [data-column=rectgrad] .title", has_text="q = 96").wait_for()
        before = tab.text(".logit")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.tagName") == "CANVAS"
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Space")
        page.locator(f"{PLACE} .covered-share", has_text="2.4 % covered").wait_for()
        page.locator(f"{PLACE} .logit", has_text="of the whole picture").wait_for()
        assert tab.text(".logit").startswith("Logit of frog")
        assert before.removeprefix("Logit of frog: ") in tab.text(".logit")
        page.focus(f"{PLACE} [name=class]")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        page.locator(f"{PLACE} .logit", has_not_text="frog").wait_for()
        page.focus(f"{PLACE} .clear")
        page.keyboard.press("Enter")
        page.locator(f"{PLACE} .logit", has_not_text="whole").wait_for()
        assert not tab.messages


def test_a_map_without_units_says_which_layer_is_closed(browser: "Browser", address: str) -> None:
    with opened(browser, address, "q=100") as tab:
        tab.load()
        assert "all zero" in tab.text("[data-column=rectgrad] .note")
        assert "No unit passes “ReLU after 'fc1'”" in tab.text(".closed")


def test_the_png_has_all_maps(browser: "Browser", address: str) -> None:
    with opened(browser, address) as tab:
        tab.load()
        with tab.page.expect_download() as download:
            tab.page.click(f"{PLACE} .png")
        saved = Image.open(download.value.path())
    assert saved.size == (4 * 236 + 12, 2 * 280 + 12)
    assert len(saved.convert("RGB").getcolors(saved.width * saved.height) or []) > 1000


@pytest.mark.parametrize(
    ("fragment", "sentence"),
    [
        ("class=10", "asks for the class 10, expected 0 to 9: the predicted class is explained"),
        ("q=101", "asks for the percentile 101, expected 0 to 100: 98 is used"),
        ("network=vgg16", "asks for the network “vgg16”, which this page does not have"),
        ("picture=own", "never left its sender's device. Choose the picture again"),
        ("covered=AAAA", "The covered region of the link cannot be read"),
    ],
)
def test_a_wrong_link_is_explained(
    browser: "Browser", address: str, fragment: str, sentence: str
) -> None:
    with opened(browser, address, fragment) as tab:
        tab.page.locator(f"{PLACE} [role=alert]", has_text=sentence).wait_for()
        assert not tab.messages


@pytest.mark.parametrize(
    ("file", "content", "sentence"),
    [
        ("cifar10_cnn-guided.onnx.gz", gzip.compress(b"no graph"), "it is damaged or incomplete"),
        ("cifar10_cnn-guided.onnx.gz", b"\x1f\x8b no gzip", "cannot be decompressed"),
        ("cifar10_cnn.weights", b"short", "it is damaged or incomplete"),
        ("cifar10_cnn.weights", None, "cifar10_cnn.weights could not be loaded"),
    ],
)
def test_a_damaged_file_is_explained_and_loaded_again(
    browser: "Browser", address: str, file: str, content: bytes | None, sentence: str
) -> None:
    with opened(browser, address) as tab:
        page = tab.page
        if content is None:
            page.route(f"**/{file}", lambda route: route.fulfill(status=404))
        else:
            page.route(f"**/{file}", lambda route: route.fulfill(body=content))
        page.click(f"{PLACE} .load")
        page.locator(f"{PLACE} [role=alert]", has_text=sentence).wait_for()
        page.unroute(f"**/{file}")
        tab.load()
        assert not page.locator(f"{PLACE} [role=alert]").is_visible()


def test_a_browser_without_simd_is_told(browser: "Browser", address: str) -> None:
    page = browser.new_page()
    page.add_init_script("WebAssembly.validate = () => false;")
    tab = Tab(page, address)
    tab.open("")
    page.click(f"{PLACE} .load")
    page.locator(f"{PLACE} [role=alert]", has_text="does not run WebAssembly with SIMD").wait_for()
    assert not [each for each in tab.asked if "vendor" in each]
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_phones_and_axe(browser: "Browser", address: str, scheme: str) -> None:
    script = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    with opened(browser, address, "q=80", color_scheme=scheme, reduced_motion="reduce") as tab:
        tab.load()
        for width in (1440, 390):
            tab.page.set_viewport_size({"width": width, "height": 844})
            overflow = "document.documentElement.scrollWidth - window.innerWidth"
            assert tab.page.evaluate(overflow) <= 0
            tab.page.evaluate(script)
            found = tab.page.evaluate("async () => (await axe.run()).violations")
            serious = [each for each in found if each["impact"] in {"serious", "critical"}]
            assert not serious, json.dumps(serious, indent=1)[:3000]
        tab.page.locator(f"{PLACE} .steer").scroll_into_view_if_needed()
        tab.page.evaluate(f"document.querySelector('{PLACE} .maps').scrollIntoView()")
        slider, figure = (
            tab.page.locator(f"{PLACE} {each}").bounding_box()
            for each in ("[name=q]", "[data-column=rectgrad]")
        )
        assert slider is not None
        assert figure is not None
        assert 0 < slider["y"] < figure["y"] + figure["height"] < 844


def test_a_sentence_without_javascript(browser: "Browser", address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}playground/")
    assert "needs JavaScript" in page.locator(f"{PLACE} noscript p").inner_text()
    context.close()
