"""Reading of input files: regular files of a bounded size only.

A path from a user or a download may be a pipe, a device or a socket, which never end, or a sparse
file that is larger than the memory.
"""

import json
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO

from rectgrad_zoo.errors import ZooError

# Configurations, cards, metrics, recipes and lists of labels. ImageNet-22k's names take 2 MB.
MOST_TEXT_BYTES = 16 * 2**20
_MEGABYTE = 10**6


def open_regular(path: str | Path, most_bytes: int) -> BinaryIO:
    """Open a regular file of a bounded size for reading, without waiting.

    Args:
        path: The file, or a link to it.
        most_bytes: Largest accepted size, in bytes.

    Returns:
        The file, opened for reading bytes.

    Raises:
        ZooError: If the path is a pipe, a device, a socket or a folder, or the file is larger.
        OSError: If the file does not exist or cannot be opened.
    """
    # Checked before, because opening some devices has effects of its own, and after, because the
    # path may have been replaced. A pipe without a writer would block without O_NONBLOCK.
    _check(os.stat(path), path, most_bytes)  # noqa: PTH116 (a str or a Path)
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags)
    try:
        _check(os.fstat(descriptor), path, most_bytes)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def _check(found: os.stat_result, path: str | Path, most_bytes: int) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise ZooError(
            f"{path} is not a regular file. Expected the path of a file, not of a folder, pipe, "
            "device or socket."
        )
    if found.st_size > most_bytes:
        raise ZooError(
            f"{path} has {found.st_size / _MEGABYTE:,.1f} MB, expected at most "
            f"{most_bytes / _MEGABYTE:,.1f} MB."
        )


def read_regular(path: str | Path, most_bytes: int = MOST_TEXT_BYTES) -> bytes:
    """Read a regular file of a bounded size.

    Args:
        path: The file, or a link to it.
        most_bytes: Largest accepted size, in bytes; by default that of text files, 16 MiB.

    Returns:
        The content.

    Raises:
        ZooError: If the path is not a regular file, or the file is larger.
        OSError: If the file does not exist or cannot be read.
    """
    with open_regular(path, most_bytes) as file:
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:  # it has grown since it was opened
        raise ZooError(f"{path} has more than {most_bytes / _MEGABYTE:,.1f} MB and grows.")
    return content


def parse_json_object(content: bytes, where: str | Path) -> dict[str, Any]:
    """Parse a JSON object.

    Args:
        content: The text, UTF-8.
        where: Source of the text, for the error.

    Returns:
        The object.

    Raises:
        ZooError: If the text is not JSON, is nested too deeply, or is not an object.
    """
    try:
        found = json.loads(content.decode("utf-8"))
    # ValueError includes text that is not UTF-8 and numbers of too many digits.
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise ZooError(f"{where} is not valid JSON: {reason}.") from error
    if not isinstance(found, dict):
        raise ZooError(f"{where} holds a JSON {type(found).__name__}, expected an object.")
    return found


def read_json_object(path: str | Path) -> dict[str, Any]:
    """Read a regular file of at most 16 MiB that holds a JSON object.

    Args:
        path: The file, or a link to it.

    Returns:
        The object.

    Raises:
        ZooError: If the path is not a regular file, the file is larger, or its content is not a
            JSON object.
        OSError: If the file does not exist or cannot be read.
    """
    return parse_json_object(read_regular(path), path)
