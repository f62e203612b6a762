"""Images of a command line, from real files, pipes and a server."""

import subprocess
import sys
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from PIL import Image

from captum_rectgrad.cli.image_sources import Images, ImageSource, find_images
from captum_rectgrad.errors import RectGradWarning


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    for number, name in enumerate(("cat.png", "dog.jpg", "more/cat.png")):
        Image.new("RGB", (20 + number, 10), "red").save(folder / name)
    (folder / "notes.txt").write_text("no image")
    (folder / "report.pdf").write_text("Pillow writes PDF, and does not read it")
    return folder


def test_files_folders_and_patterns(photos: Path) -> None:
    assert list(find_images([str(photos / "cat.png")])) == ["cat"]
    assert list(find_images([str(photos)])) == ["cat", "dog"]
    assert list(find_images([str(photos / "*.jpg"), str(photos / "cat.png")])) == ["dog", "cat"]
    everywhere = find_images([str(photos / "**" / "*.png")])
    assert list(everywhere) == [str(photos / "cat.png"), str(photos / "more" / "cat.png")]
    assert [image.width for image in everywhere.values()] == [20, 22]
    assert everywhere.files() == {photos / "cat.png", photos / "more" / "cat.png"}


def test_names_of_many_images_take_linear_time() -> None:
    sources = [ImageSource(f"{number}", f"/photos/{number}.png") for number in range(50_000)]
    begun = time.process_time()
    assert len(Images([*sources, ImageSource("7", "/more/7.png")])) == 50_001
    assert time.process_time() - begun < 5


def test_a_file_whose_name_looks_like_a_pattern(photos: Path) -> None:
    (photos / "cat.png").rename(photos / "cat[1].png")
    assert list(find_images([str(photos / "cat[1].png")])) == ["cat[1]"]


def test_an_image_from_a_server(photos: Path) -> None:
    handler = partial(SimpleHTTPRequestHandler, directory=str(photos))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        found = find_images([f"http://127.0.0.1:{server.server_port}/cat.png"])
        server.shutdown()
    found.check()
    assert found["cat"].size == (20, 10)
    assert found.sources["cat"].file_name == "cat.png"
    assert not found.files()


def piped(content: bytes) -> subprocess.CompletedProcess[bytes]:
    code = (
        "from captum_rectgrad.cli.image_sources import find_images; "
        "images = find_images(['-']); images.check(); print(list(images), images['stdin'].size)"
    )
    command = [sys.executable, "-c", code]
    return subprocess.run(command, input=content, capture_output=True, check=False)


def test_an_image_from_standard_input(photos: Path) -> None:
    assert piped((photos / "dog.jpg").read_bytes()).stdout.split() == [
        b"['stdin']",
        b"(21,",
        b"10)",
    ]
    assert b"standard input is empty" in piped(b"").stderr
    assert b"cannot read 'standard input' as an image" in piped(b"no image").stderr
    assert b"standard input has more than 50 MB" in piped(bytes(50_000_001)).stderr


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["cta.png"], r"cta\.png' as an image: no such file \(did you mean cat\.png\?\)"),
        (["phtos/cat.png"], "the folder '.*phtos' does not exist"),
        (["*.gif"], "no file matches the pattern"),
        (["more/none"], "no such file"),
        ([".", "cat.png"], "is given twice"),
    ],
)
def test_images_that_are_not_found(photos: Path, given: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        find_images([str(photos / each) for each in given])


def test_an_empty_name_is_not_the_working_directory(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photos)
    assert find_images(["."])
    with pytest.raises(ValueError, match="empty name for an image"):
        find_images([""])


@pytest.mark.parametrize(
    ("size", "message"),
    [((1, 1), "has 1 x 1 pixels, expected at least 8"), ((8, 801), "more than 100 times")],
)
def test_images_that_are_too_small_or_narrow(
    tmp_path: Path, size: tuple[int, int], message: str
) -> None:
    Image.new("RGB", size).save(tmp_path / "thin.png")
    with pytest.raises(ValueError, match=message):
        find_images([str(tmp_path / "thin.png")]).check()


@pytest.mark.parametrize(
    ("argument", "figure", "found"),
    [
        ("", "cat-map.png", True),
        ("", "more/../cat-map.png", True),
        ("", "cat-map.pdf", False),  # no image
        ("", "maps/cat.png", False),
        ("*.png", "cat-map.png", True),
        ("*.jpg", "dog-map.png", False),
        ("**/*.png", "more/cat-map.png", True),
        ("dog.jpg", "dog.png", False),  # named itself
    ],
)
def test_a_figure_that_the_next_run_would_find(
    photos: Path, argument: str, figure: str, found: bool
) -> None:
    assert find_images([str(photos / argument)]).found_again(photos / figure) is found


@pytest.fixture
def damaged(photos: Path) -> Path:
    """The folder with a text file and a tiny picture, both with an ending of images."""
    (photos / "text.jpg").write_text("no image")
    Image.new("RGB", (4, 4)).save(photos / "tiny.png")
    return photos


@pytest.mark.parametrize("argument", ["", "*[gt]"])
def test_unreadable_files_of_a_folder_or_a_pattern_are_skipped(
    damaged: Path, argument: str
) -> None:
    images = find_images([str(damaged / argument)])
    with pytest.warns(RectGradWarning) as warned:
        images.check()
    said = [
        str(warning.message) for warning in warned if "skipped an image" in str(warning.message)
    ]
    assert [name for name in ("text.jpg", "tiny.png") if any(name in each for each in said)] == [
        "text.jpg",
        "tiny.png",
    ]
    assert list(images) == ["cat", "dog"]
    assert damaged / "text.jpg" in images.files()  # never overwritten


def test_unreadable_files_that_are_named_are_refused_together(damaged: Path) -> None:
    names = ("text.jpg", "cat.png", "tiny.png")
    with pytest.raises(
        ValueError, match=r"^2 images cannot.*text\.jpg.*not known.*tiny\.png.*4 x 4"
    ):
        find_images([str(damaged / name) for name in names]).check()
    with pytest.raises(ValueError, match=r"^2 images cannot.*a\.png.*no such file.*b\.png"):
        find_images([str(damaged / name) for name in ("a.png", "cat.png", "b.png")])


def test_a_folder_without_a_readable_image_is_refused(tmp_path: Path) -> None:
    for name in ("one.jpg", "two.jpg"):
        (tmp_path / name).write_text("no image")
    with pytest.raises(ValueError, match=r"^2 images cannot be used: .*one\.jpg.*two\.jpg"):
        find_images([str(tmp_path)]).check()


def test_an_animation_is_mentioned_once(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (9, 9), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    found = find_images([str(tmp_path / "moving.gif")])
    with pytest.warns(RectGradWarning, match=r"moving\.gif' has 2 frames; the first frame is used"):
        found.check()
    assert found["moving"].getpixel((0, 0)) == (255, 0, 0)
