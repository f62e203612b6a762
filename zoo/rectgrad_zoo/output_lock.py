"""One process at a time in an output folder, by a lock that ends with its process."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path

from filelock import FileLock, Timeout

from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.input_files import read_regular
from rectgrad_zoo.written_whole import UNFINISHED, write_text

# The description of the holder is a file of its own, because filelock 3 empties that of the lock.
LOCK, HOLDER = ".lock", ".lock-holder"
_LONGEST = 500  # bytes of a description


@contextmanager
def output_lock(folder: Path) -> Iterator[None]:
    """Hold an output folder. The operating system releases it if the process is killed.

    Args:
        folder: The folder. It is created if it does not exist. At the end it is removed with its
            new parent folders if it is empty.

    Raises:
        ZooError: If another process holds the folder; the error names it.
        OSError: If the folder cannot be written.
    """
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK, timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise ZooError(
                f"{folder} is in use by {_holder(folder)}. Wait until that process has ended, or "
                "choose another folder with --out."
            ) from None
        try:
            write_text(folder / HOLDER, _this_process())
            yield
        finally:
            # Whoever waits for this file sees that it is gone. Windows does not remove open files.
            for name in (HOLDER, LOCK):
                with suppress(OSError):
                    (folder / name).unlink(missing_ok=True)
            lock.release()
    finally:
        with suppress(OSError):  # the first folder that is not empty
            for each in made:
                each.rmdir()


def other_entries(folder: Path) -> set[Path]:
    """The entries of a folder, without those of a lock and without what killed processes left.

    Args:
        folder: A folder.

    Returns:
        Paths.
    """
    own = {folder / LOCK, folder / HOLDER, *folder.glob(UNFINISHED)}
    return {entry for entry in folder.iterdir() if entry not in own}


def _this_process() -> str:
    since = datetime.now(timezone.utc).isoformat(" ", "seconds")
    return f"process {os.getpid()} on {platform.node()} since {since}"


def _holder(folder: Path) -> str:
    try:
        return read_regular(folder / HOLDER, _LONGEST).decode(errors="replace")
    except (OSError, ZooError):  # not written yet
        return "another process"
