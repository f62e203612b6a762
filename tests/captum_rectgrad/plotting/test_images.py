"""Pictures are read as they are meant to be seen, and bad files refused by name."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from captum_rectgrad.plotting.image_formats import image_endings
from captum_rectgrad.plotting.images import folder_images, photographs, read_image, sample_images


def test_orientation_is_obeyed(tmp_path: Path) -> None:
    image = Image.new("RGB", (4, 2), "red")
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    image.save(tmp_path / "turned.jpg", exif=exif)
    assert read_image(tmp_path / "turned.jpg").size == (2, 4)


def test_transparency_is_laid_on_white(tmp_path: Path) -> None:
    Image.new("RGBA", (1, 1), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    assert read_image(tmp_path / "clear.png").getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "CMYK"])
def test_every_mode_becomes_rgb(mode: str, tmp_path: Path) -> None:
    path = tmp_path / ("image.tif" if mode == "CMYK" else "image.png")
    Image.new("RGB", (2, 2), "white").convert(mode).save(path)
    image = read_image(path)
    assert image.mode == "RGB"
    assert image.getpixel((0, 0)) == (255, 255, 255)


def test_sixteen_bit_grey_is_scaled_not_clipped(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 257 * 100, 65535]], dtype=np.uint16)).save(tmp_path / "deep.png")
    image = read_image(tmp_path / "deep.png")
    assert [image.getpixel((x, 0)) for x in range(3)] == [(0,) * 3, (100,) * 3, (255,) * 3]


def test_sixteen_bit_grey_in_the_other_byte_order(tmp_path: Path) -> None:
    pixels = np.array([[0, 257 * 100, 65535]], dtype=">u2")
    Image.frombytes("I;16B", (3, 1), pixels.tobytes()).save(tmp_path / "big.tif")
    image = read_image(tmp_path / "big.tif")
    assert [image.getpixel((x, 0)) for x in range(3)] == [(0,) * 3, (100,) * 3, (255,) * 3]


def test_brightness_of_unknown_range_is_refused(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 0.5, 1]], dtype=np.float32)).save(tmp_path / "float.tif")
    with pytest.raises(ValueError, match=r"float\.tif.*floating point values of unknown range"):
        read_image(tmp_path / "float.tif")


def test_files_without_an_image_raise_an_error(tmp_path: Path) -> None:
    whole = tmp_path / "whole.png"
    Image.effect_noise((64, 64), 50).save(whole)
    truncated = tmp_path / "truncated.png"
    truncated.write_bytes(whole.read_bytes()[:1000])
    text = tmp_path / "text.png"
    text.write_text("no image")
    for bad in (truncated, text, tmp_path / "missing.png", tmp_path):
        with pytest.raises(ValueError, match=f"cannot read '{bad}' as an image"):
            read_image(bad)


def test_heic_names_the_package_that_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)  # not installed
    photo = tmp_path / "photo.heic"
    photo.write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    with pytest.raises(ValueError, match=r"photo\.heic.*pip install pillow-heif"):
        folder_images(tmp_path)


def test_heic_is_read_with_that_package(tmp_path: Path) -> None:
    heif = pytest.importorskip("pillow_heif")
    heif.from_pillow(Image.new("RGB", (64, 48), "red")).save(tmp_path / "photo.heic")
    image = read_image(tmp_path / "photo.heic")
    assert image.size == (64, 48)
    assert np.allclose(np.asarray(image)[9, 9], (255, 0, 0), atol=9)


def test_a_decompression_bomb_is_refused(tmp_path: Path) -> None:
    Image.new("1", (14000, 13000)).save(tmp_path / "bomb.png")
    assert (tmp_path / "bomb.png").stat().st_size < 100_000
    with pytest.raises(ValueError, match=r"bomb\.png.*more than 178 million pixels; scale it down"):
        read_image(tmp_path / "bomb.png")


def test_the_second_picture_of_a_camera_is_no_animation(tmp_path: Path) -> None:
    first, second = (Image.new("RGB", (16, 16), colour) for colour in ("red", "blue"))
    first.save(tmp_path / "camera.jpg", "MPO", save_all=True, append_images=[second])
    assert np.allclose(np.asarray(read_image(tmp_path / "camera.jpg"))[0, 0], (255, 0, 0), atol=9)


def test_three_photographs_that_need_no_file() -> None:
    images = sample_images()
    assert list(images) == ["chelsea", "coffee", "rocket"]
    assert all(image.mode == "RGB" and min(image.size) > 224 for image in images.values())


def test_all_photographs_that_need_no_file() -> None:
    images = photographs()
    assert list(images)[:3] == list(sample_images())
    assert len({image.tobytes() for image in images.values()}) == 15
    assert all(image.mode == "RGB" and min(image.size) > 224 for image in images.values())
    grey = [name for name, image in images.items() if not np.ptp(np.asarray(image), axis=2).any()]
    assert len(grey) == 7


def test_pictures_of_a_folder(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.png", ".hidden.png"):
        Image.new("RGB", (3, 2), "red").save(tmp_path / name)
    (tmp_path / "list.csv").write_text("1")
    assert list(folder_images(tmp_path)) == ["a.png", "b.JPG"]
    (tmp_path / "c.png").write_text("no picture")
    with pytest.raises(ValueError, match=r"cannot read '.*c\.png' as an image"):
        folder_images(tmp_path)
    with pytest.raises(ValueError, match="does not exist"):
        folder_images(tmp_path / "missing")


@pytest.mark.parametrize("encoding", ["EPS", "binary"])
def test_a_program_for_a_printer_is_not_run(encoding: str, tmp_path: Path) -> None:
    file = tmp_path / "photo.png"  # the ending says nothing
    Image.new("RGB", (20, 20), "red").save(file, "EPS")
    if encoding == "binary":  # with a header for a preview
        text = file.read_bytes()
        start = 30
        numbers = (start, len(text), *[0] * 4)
        header = b"\xc5\xd0\xd3\xc6" + b"".join(each.to_bytes(4, "little") for each in numbers)
        file.write_bytes(header[:28] + b"\xff\xff" + text)
    with pytest.raises(ValueError, match=r"EPS is a program for a printer, which is not run"):
        read_image(file)
    assert ".eps" not in image_endings()


@pytest.mark.parametrize("kind", ["pipe", "/dev/zero", "sparse"])
def test_a_file_that_never_ends_is_refused(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "photo.png"
    if kind == "pipe":
        os.mkfifo(file)
    elif kind == "sparse":
        with file.open("wb") as opened:
            opened.truncate(10**12)
    else:
        file.symlink_to(kind)
    expected = "more than 1000 MB" if kind == "sparse" else "a pipe or a device"
    with pytest.raises(ValueError, match=expected):
        read_image(file)
