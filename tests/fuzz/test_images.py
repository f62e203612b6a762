"""Damaged pictures of every format are read, or refused in one sentence."""

import io
import struct
import warnings
import zlib
from pathlib import Path

import pytest
from hypothesis import strategies as st
from PIL import Image, features

from captum_rectgrad.plotting.images import read_image
from tests.support.fuzzing import Fuzzer, damaged_bytes

FORMATS = ("BMP", "GIF", "ICO", "JPEG", "PCX", "PNG", "PPM", "SGI", "TGA", "TIFF", "EPS")
MODES = ("RGB", "L", "RGBA", "P", "1", "I;16", "CMYK", "F")


def _valid() -> list[bytes]:
    names = [*FORMATS, *(["WEBP"] if features.check("webp") else [])]
    return [content for name in names for mode in MODES if (content := _encoded(name, mode))]


def _encoded(name: str, mode: str) -> bytes:
    """A picture of 24 x 16 pixels; empty if the format does not have the mode."""
    picture = Image.effect_noise((24, 16), 90).convert("L")
    file = io.BytesIO()
    try:
        picture.convert(mode).save(file, name)
    except (OSError, ValueError, KeyError):
        return b""
    return file.getvalue()


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@st.composite
def _pngs(draw: st.DrawFn) -> bytes:
    """PNG files whose checksums are right: any size, depth and colour type, any other chunk."""
    sides = st.one_of(st.integers(0, 70), st.sampled_from([10_000, 100_000, 2**31 - 1, 2**32 - 1]))
    header = struct.pack(">II", draw(sides), draw(sides)) + draw(st.binary(min_size=5, max_size=5))
    kinds = st.sampled_from(
        [b"PLTE", b"tRNS", b"iCCP", b"zTXt", b"eXIf", b"acTL", b"fcTL", b"pHYs"]
    )
    other = b"".join(
        _png_chunk(draw(kinds), draw(st.binary(max_size=40)))
        for _ in range(draw(st.integers(0, 3)))
    )
    data = zlib.compress(bytes(draw(st.sampled_from([0, 100, 100_000]))))
    start = b"\x89PNG\r\n\x1a\n" + _png_chunk(b"IHDR", header)
    return start + other + _png_chunk(b"IDAT", data) + _png_chunk(b"IEND", b"")


def test_damaged_pictures(fuzz: Fuzzer, tmp_path: Path) -> None:
    file = tmp_path / "picture"

    def check(content: bytes) -> None:
        file.write_bytes(content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of damaged metadata
            try:
                image = read_image(file)
            except ValueError:
                pass
            else:
                assert image.mode == "RGB"
        assert file.read_bytes() == content

    fuzz(check, st.one_of(st.sampled_from(_valid()).flatmap(damaged_bytes), _pngs()), 400)


def test_the_pictures_are_valid_before_they_are_damaged(tmp_path: Path) -> None:
    """A fuzzer whose seeds are refused tries nothing."""
    read = 0
    for number, content in enumerate(_valid()):
        file = tmp_path / str(number)
        file.write_bytes(content)
        try:
            read += read_image(file).size == (24, 16)
        except ValueError:
            continue  # EPS, and floating point values
    assert read > len(_valid()) // 2
    with pytest.raises(ValueError, match="cannot read"):
        read_image(tmp_path / "absent")
