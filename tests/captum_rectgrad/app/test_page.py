"""The page of `rectgrad app`, served by the command and used in Chromium and by ten clients."""

import io
import os
import re
import signal
import socket
import subprocess
import sys
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

from gradio_client import Client, handle_file
from playwright.sync_api import Browser, Error, Page, sync_playwright

from tests.support.browser import executable

pytestmark = pytest.mark.slow

COMMAND = "import sys; from captum_rectgrad.cli.main import main; sys.exit(main(sys.argv[1:]))"
MAPS = "#answer .rg-answer section img"


@pytest.fixture(scope="module")
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("temporary")


@pytest.fixture(scope="module")
def address(temporary: Path) -> Iterator[str]:
    """The page of a process of its own, which leaves no file behind."""
    port = _free_port()
    arguments = ["app", "--port", str(port), "--model", "cifar10_cnn", "cifar10_cnn_occluded"]
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "TMPDIR": str(temporary)},
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        (found,) = re.findall(r"http://127\.0\.0\.1:\d+/", line) or [pytest.fail(line)]
        yield found
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
        process.stdout.close()
    assert list(temporary.glob("rectgrad-app-*")) == []


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        try:
            # Containers have no user namespaces; the page is our own.
            chromium = driver.chromium.launch(executable_path=executable(), args=["--no-sandbox"])
        except Error as error:
            pytest.skip(f"no Chromium (apt-get install chromium, or playwright install): {error}")
        yield chromium
        chromium.close()


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


def bomb() -> bytes:
    stream = io.BytesIO()
    Image.new("1", (12_000, 12_000)).save(stream, "png")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (bomb(), "12000 x 12000 pixels; expected at most 50 million"),
        (b"not a picture", "not an image of a known format"),
    ],
)
def test_what_is_no_photograph_gets_a_sentence(
    tab: Page, tmp_path: Path, content: bytes, sentence: str
) -> None:
    path = tmp_path / "upload.png"
    path.write_bytes(content)
    upload(tab, path)
    refusal = tab.get_by_role("alert").filter(has_text=sentence)
    refusal.wait_for()


def test_a_large_file_is_refused_with_a_sentence(tab: Page, tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(bytes(21_000_000))
    upload(tab, path)
    tab.get_by_text(re.compile("maximum allowed size", re.IGNORECASE)).first.wait_for()


def test_a_denied_webcam_leaves_a_sentence_and_a_page_that_works(tab: Page, cat: Path) -> None:
    tab.get_by_role("button", name="Capture from camera").click()
    tab.get_by_text("Click to Access Webcam").click()
    tab.get_by_text("If the camera was denied").wait_for()
    tab.get_by_role("button", name="Upload file").click()
    upload(tab, cat)
    tab.locator(MAPS).first.wait_for()


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_scrolls_sideways(
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
    finally:
        context.close()


def test_ten_users_at_once_get_answers(address: str, cat: Path) -> None:
    def ask(user: int) -> str:
        client = Client(address, verbose=False, analytics_enabled=False)
        methods = ["saliency", "rectgrad"]
        settings = ["cifar10_cnn", str(user), 98, "input", methods, True, True]
        outputs = client.predict(handle_file(str(cat)), *settings, api_name="/explain")
        return str(outputs[3])

    with ThreadPoolExecutor(10) as users:
        answers = list(users.map(ask, range(10)))
    assert len({re.findall("Why “(.*?)”", answer)[0] for answer in answers}) == 10
    assert all(answer.count("<img") == 7 for answer in answers)
