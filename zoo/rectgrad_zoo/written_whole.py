"""The one way to write a file: beside its place, and renamed when it is complete."""

import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# Pattern of the files that are being written. Those of a killed process stay until
# `remove_unfinished`.
UNFINISHED = ".*.unfinished*"


@contextmanager
def written_whole(file: Path, *, follow: bool = True) -> Iterator[Path]:
    """A file to write in place of another one, which takes its name at the end.

    After an error, such as a full disk, an earlier file of that name is unchanged and nothing else
    is left. Two processes never write the same file. The permissions of an earlier file are kept.

    Args:
        file: The file. A device, such as /dev/null, is written itself.
        follow: Whether the file behind a link is replaced, instead of the link.

    Yields:
        A path in the same folder with the same ending.

    Raises:
        OSError: If the file cannot be written; the error names it.
    """
    if follow:
        file = file.resolve()
    if file.exists() and not file.is_file():
        yield file
        return
    unfinished = file.with_name(f".{secrets.token_hex(8)}.unfinished{file.suffix}")
    try:
        yield unfinished
        # Some file systems report a full disk only now; after the renaming it would be too late.
        with unfinished.open("rb+") as written:
            os.fsync(written.fileno())
        if file.is_file() and not file.is_symlink():
            shutil.copymode(file, unfinished)
        unfinished.replace(file)
    except OSError as error:
        if error.filename in {None, str(unfinished)}:  # a failed write names no file
            error.filename, error.filename2 = str(file), None
        raise
    finally:
        unfinished.unlink(missing_ok=True)


def write_bytes(file: Path, content: bytes | memoryview) -> None:
    """Write a file completely or not at all; see `written_whole`."""
    with written_whole(file) as unfinished:
        unfinished.write_bytes(content)


def write_text(file: Path, text: str) -> None:
    """Write a text file in UTF-8 completely or not at all; see `written_whole`."""
    write_bytes(file, text.encode())


def remove_unfinished(folder: Path, unchanged: float | None = None) -> None:
    """Remove what killed processes left in a folder.

    Args:
        folder: A folder that no other process writes to, see `output_lock`; or any folder with
            `unchanged`.
        unchanged: Time for which a file must not have been written to, in seconds; `None`: all
            files are removed.
    """
    for file in folder.glob(UNFINISHED):
        with suppress(FileNotFoundError):  # another process has renamed or removed it
            if unchanged is None or time.time() - file.lstat().st_mtime > unchanged:
                file.unlink()
