"""Files that users upload, some of them hostile."""

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from captum_rectgrad.app.uploads import read_upload, remove_oldest
from captum_rectgrad.errors import RectGradWarning


def encoded(mode: str, size: tuple[int, int], form: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.new(mode, size).save(stream, form, **options)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a text", "'upload.jpg' is not an image of a known format"),
        (b"", "not an image of a known format"),
        (encoded("RGB", (64, 64), "eps"), "not an image of a known format"),  # runs Ghostscript
        (encoded("RGB", (64, 64), "png")[:60], "cannot read 'upload.jpg' as an image"),
        (encoded("1", (10_000, 6_000), "png"), "more than 50 million pixels; scale it down"),
        (encoded("1", (15_000, 15_000), "png"), "more than 50 million pixels; scale it down"),
        (encoded("RGB", (1, 1), "png"), "1 x 1 pixels, expected at least 8"),
        (encoded("RGB", (8, 40_000), "png"), "one side is more than 100 times the other"),
        (bytes(20_000_001), "has 20 MB; expected at most 20 MB"),
    ],
)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_what_is_no_photograph_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "upload.jpg"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=reason) as raised:
        read_upload(path, tmp_path)
    assert str(tmp_path) not in str(raised.value)


def test_other_files_of_the_server_are_not_read(tmp_path: Path) -> None:
    uploads, secret = tmp_path / "uploads", tmp_path / "secret.png"
    uploads.mkdir()
    secret.write_bytes(encoded("RGB", (64, 64), "png"))
    (uploads / "link.png").symlink_to(secret)
    for path in (secret, uploads / "../secret.png", uploads / "link.png", uploads, uploads / "no"):
        with pytest.raises(ValueError, match="is not among the uploads"):
            read_upload(path, uploads)


def test_the_oldest_files_make_room(tmp_path: Path) -> None:
    for number, place in enumerate(("b/old.png", "a/middle.png", "c/new.png")):
        file = tmp_path / place
        file.parent.mkdir()
        file.write_bytes(bytes(100))
        os.utime(file, (number, number))
    remove_oldest(tmp_path, 300)
    assert len(list(tmp_path.glob("*/*.png"))) == 3
    remove_oldest(tmp_path, 250)
    assert sorted(tmp_path.glob("*/*.png")) == [tmp_path / "a/middle.png", tmp_path / "c/new.png"]
    remove_oldest(tmp_path, 0)
    assert not list(tmp_path.glob("*/*.png"))


def test_a_print_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "cmyk.jpg"
    path.write_bytes(encoded("CMYK", (64, 48), "jpeg"))
    read = read_upload(path, tmp_path)
    assert (read.mode, read.size) == ("RGB", (64, 48))


def test_the_first_frame_of_an_animation_is_read_and_said(tmp_path: Path) -> None:
    path = tmp_path / "two.gif"
    first, second = (Image.new("RGB", (64, 64), colour) for colour in ("red", "blue"))
    first.save(path, save_all=True, append_images=[second])
    with pytest.warns(RectGradWarning, match=r"'two\.gif' has 2 frames; the first frame is used"):
        read = read_upload(path, tmp_path)
    red, _, blue = np.asarray(read)[0, 0]
    assert (red > 200, blue < 50) == (True, True)
