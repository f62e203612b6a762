"""Inputs that are no files, or larger than they may be, are refused at once."""

import os
import socket
import time
from pathlib import Path

import pytest

from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.input_files import open_regular, read_json_object, read_regular


def special_files(folder: Path) -> list[Path]:
    """A pipe without a writer, a socket, a folder, a device that never ends, and links to them."""
    pipe, folder_inside, end = folder / "pipe", folder / "folder", folder / "socket"
    os.mkfifo(pipe)
    folder_inside.mkdir()
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(end))
    link = folder / "link"
    link.symlink_to("/dev/zero")
    return [pipe, folder_inside, end, link, Path("/dev/zero")]


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    started = time.monotonic()
    for path in special_files(tmp_path):
        with pytest.raises(ZooError, match=r"is not a regular file.*not of a folder, pipe, device"):
            open_regular(path, 2**40)
    assert time.monotonic() - started < 5
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "absent", 1)


def test_a_sparse_file_of_a_terabyte_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "sparse"
    file.touch()
    os.truncate(file, 10**12)
    with pytest.raises(ZooError, match=r"has 1,000,000\.0 MB, expected at most 16\.8 MB"):
        read_regular(file)


def test_a_file_of_the_largest_size_is_read_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("file")
    assert read_regular(tmp_path / "link", 5) == b"12345"
    with pytest.raises(ZooError, match="expected at most"):
        read_regular(tmp_path / "link", 4)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"[" * 10**6, "nested too deeply"),
        (b'{"a":' * 10**5, "nested too deeply"),
        (b"\xff\xfe", "not valid JSON"),
        (b"", "not valid JSON"),
        (b"9" * 10**5, "not valid JSON"),
        (b"[]", "holds a JSON list, expected an object"),
        (b"null", "holds a JSON NoneType, expected an object"),
    ],
)
def test_other_content_than_a_json_object_names_the_file(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(ZooError, match=rf"config\.json .*{reason}"):
        read_json_object(tmp_path / "config.json")
