"""The page of `rectgrad app`, served by the command and used in Chromium and by ten clients."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
from PIL import Image

pytest.importorskip("gradio", reason="needs the extra app")
pytest.importorskip("playwright", reason="needs the extra browser")

import httpx
from gradio_client import Client, handle_file
from playwright.sync_api import Browser, Page, expect

from tests.support.app_process import COMMAND, app_process, free_port
from tests.support.browser import contrast

pytestmark = pytest.mark.slow

MAPS = "#answer .rg-answer section img"
# Colour of the words and of what they are written on.
COLOURS = """words => {
  const rgb = (colour) => colour.match(/[\\d.]+/g).map(Number);
  let below = words;
  while (rgb(getComputedStyle(below).backgroundColor)[3] === 0) below = below.parentElement;
  const colours = [getComputedStyle(words).color, getComputedStyle(below).backgroundColor];
  return colours.map((colour) => rgb(colour).slice(0, 3));
}"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    options = ["app", "--port", str(port), "--model", "cifar10_cnn", "cifar10_cnn_occluded"]
    temporary = tmp_path_factory.mktemp("temporary")
    with app_process(["-c", COMMAND, *options], temporary, {}, Path.cwd()):
        yield f"http://127.0.0.1:{port}/"


@pytest.fixture
def tab(browser: Browser, address: str) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    page = context.new_page()
    page.goto(address)
    page.locator("#photograph input[type=file]").wait_for(state="attached")
    yield page
    context.close()


@pytest.fixture(scope="module")
def cat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photographs") / "cat.png"
    Image.fromarray(skimage.data.chelsea()).save(path)
    return path


def upload(tab: Page, path: Path) -> None:
    tab.locator("#photograph input[type=file]").set_input_files(path)


def test_an_upload_is_explained_and_nothing_leaves_the_machine(
    tab: Page, address: str, cat: Path
) -> None:
    requests: list[str] = []
    tab.on("request", lambda request: requests.append(request.url))
    tab.reload()
    tab.locator("#photograph input[type=file]").wait_for(state="attached")
    upload(tab, cat)
    tab.locator(MAPS).first.wait_for()
    assert tab.locator(MAPS).count() == 6  # two methods, each with two controls
    answer = tab.locator("#answer").inner_text()
    assert answer.count("rank correlation") == 4
    assert tab.locator(".rg-layers tbody tr").count() == 5
    assert all(image.get_attribute("alt") for image in tab.locator("#answer img").all())
    own = (address, "data:", "blob:")
    assert {request for request in requests if not request.startswith(own)} == set()
    with tab.expect_download() as downloaded:
        tab.get_by_role("button", name="Download the maps").click()
    with np.load(downloaded.value.path()) as arrays:
        assert arrays["maps/RectGrad"].shape == (3, 32, 32)
        assert arrays["randomised network/Saliency"].any()
    with tab.expect_download() as downloaded:
        tab.get_by_role("button", name="Download the figure").click()
    with Image.open(downloaded.value.path()) as figure:
        assert figure.format == "PNG"


def test_no_map_stands_alone_by_default(tab: Page, cat: Path) -> None:
    for label in ("another class", "random weights"):
        assert tab.get_by_label(re.compile(label)).is_checked()
    upload(tab, cat)
    tab.locator(MAPS).first.wait_for()
    tab.get_by_label(re.compile("random weights")).uncheck()
    tab.wait_for_function(f"document.querySelectorAll({MAPS!r}).length === 4")


def test_what_is_no_photograph_gets_a_sentence(tab: Page, tmp_path: Path) -> None:
    path = tmp_path / "upload.png"
    path.write_bytes(b"not a picture")
    upload(tab, path)
    tab.get_by_role("alert").filter(has_text="not an image of a known format").wait_for()


def test_a_large_file_is_refused_with_a_sentence(tab: Page, tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(bytes(21_000_000))
    upload(tab, path)
    tab.get_by_text(re.compile("maximum allowed size", re.IGNORECASE)).first.wait_for()


def test_a_denied_webcam_leaves_a_sentence_and_a_page_that_works(tab: Page, cat: Path) -> None:
    sentence = tab.get_by_text("The browser gave no picture of a camera")
    tab.get_by_role("button", name="Capture from camera").click()
    expect(sentence).to_be_hidden()
    tab.get_by_text("Click to Access Webcam").click()
    expect(sentence).to_be_visible()
    tab.get_by_role("button", name="Upload file").click()
    upload(tab, cat)
    tab.locator(MAPS).first.wait_for()


def test_a_picture_of_a_webcam_is_explained(browser: Browser, address: str) -> None:
    context = browser.new_context(permissions=["camera"])
    try:
        page = context.new_page()
        page.goto(address)
        page.get_by_role("button", name="Capture from camera").click()
        page.get_by_text("Click to Access Webcam").click()
        page.wait_for_function("document.querySelector('#photograph video')?.videoWidth > 0")
        page.get_by_label("capture photo").click()
        page.locator(MAPS).first.wait_for()
        expect(page.get_by_text("The browser gave no picture of a camera")).to_be_hidden()
    finally:
        context.close()


def test_the_overlay_shows_the_photograph_below_the_maps(tab: Page, cat: Path) -> None:
    upload(tab, cat)
    first = tab.locator(MAPS).first
    first.wait_for()
    before = first.get_attribute("src")
    tab.get_by_label("Maps over the photograph").check()
    expect(first).not_to_have_attribute("src", str(before))


def test_the_keyboard_moves_the_slider(tab: Page, cat: Path) -> None:
    upload(tab, cat)
    shares = tab.locator(".rg-layers")
    shares.wait_for()
    before = shares.inner_text()
    tab.get_by_role("slider").focus()
    for _ in range(10):
        tab.keyboard.press("ArrowLeft")
    expect(shares).not_to_have_text(before, use_inner_text=True)


def test_a_new_model_while_the_old_one_computes_gets_its_own_class(tab: Page, cat: Path) -> None:
    upload(tab, cat)
    tab.locator(MAPS).first.wait_for()
    menu, models = (tab.get_by_role("combobox", name=name) for name in ("Class", "Model"))
    menu.click()
    tab.get_by_role("option").nth(9).click()  # computes
    models.click()
    tab.get_by_role("option", name="cifar10_cnn_occluded").click()
    expect(menu).to_have_value("the predicted class")
    tab.wait_for_function(
        """() => {
          const words = (selector) => document.querySelector(selector).innerText;
          return words("#answer h2") === `Why “${words("#answer td")}”?`;
        }"""
    )
    expect(menu).to_have_value("the predicted class")
    expect(tab.get_by_role("alert")).to_be_hidden()


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_scrolls_sideways_and_words_are_readable(
    browser: Browser, address: str, cat: Path, width: int, scheme: Any
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    try:
        page = context.new_page()
        page.goto(address)
        page.locator("#photograph input[type=file]").wait_for(state="attached")
        upload(page, cat)
        page.locator(MAPS).first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
        # A pixel of a map is at least a pixel of the screen.
        assert page.locator(MAPS).first.evaluate("image => image.clientWidth") >= 224
        for words in (page.get_by_text("A name of the zoo"), page.locator("figcaption").first):
            assert contrast(*words.evaluate(COLOURS)) >= 4.5
    finally:
        context.close()


def test_ten_users_at_once_get_answers(address: str, cat: Path) -> None:
    def ask(user: int) -> str:
        client = Client(address, verbose=False, analytics_enabled=False)
        methods = ["saliency", "rectgrad"]
        settings = ["cifar10_cnn", str(user), 98, "input", methods, True, True, False]
        outputs = client.predict(handle_file(str(cat)), *settings, api_name="/explain")
        return str(outputs[3])

    with ThreadPoolExecutor(10) as users:
        answers = list(users.map(ask, range(10)))
    assert len({re.findall("Why “(.*?)”", answer)[0] for answer in answers}) == 10
    assert all(answer.count("<img") == 7 for answer in answers)


def test_a_client_cannot_have_other_files_or_addresses_explained(address: str, cat: Path) -> None:
    settings = ["cifar10_cnn", "predicted", 98, "input", ["rectgrad"], True, True, False]
    mark = {"meta": {"_type": "gradio.FileData"}}

    def ask(photograph: dict[str, Any]) -> str:
        calls = f"{address}gradio_api/call/explain"
        call = httpx.post(calls, json={"data": [photograph, *settings]}).raise_for_status()
        return httpx.get(f"{calls}/{call.json()['event_id']}", timeout=60).text

    with cat.open("rb") as opened:
        (mine,) = httpx.post(f"{address}gradio_api/upload", files={"files": opened}).json()
    assert "<img" in ask({"path": mine, **mark})
    for path in (str(cat), f"{mine}/../../../{cat}", "/etc/passwd", f"{address}{mine}"):
        for photograph in ({"path": path}, {"path": path, **mark}, {"path": path, "url": path}):
            assert "<img" not in ask(photograph)
        assert httpx.get(f"{address}gradio_api/file={path}").status_code >= 400
