"""Output folders: one process at a time, with real processes."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.output_lock import HOLDER, LOCK, other_entries, output_lock

HOLD = """
import sys
from pathlib import Path
from rectgrad_zoo.output_lock import output_lock
with output_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def holding(folder: Path) -> "subprocess.Popen[str]":
    """A process that holds the folder until its standard input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_the_error_names_the_other_process_and_its_start(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "out"
    with holding(folder) as other:
        for _ in range(2):  # an attempt does not change what the next one says
            with pytest.raises(ZooError) as raised, output_lock(folder):
                pass
            said = re.search(
                r"out is in use by process (\d+) on .* since (\S+) ", str(raised.value)
            )
            assert said is not None, raised.value
            assert int(said[1]) == other.pid
            assert said[2].startswith("20")
    with output_lock(folder):  # its input has ended
        assert other_entries(folder) == set()
    assert not (tmp_path / "new").exists()


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    with holding(tmp_path) as other:
        other.send_signal(signal.SIGKILL)
    assert {file.name for file in tmp_path.iterdir()} == {LOCK, HOLDER}
    with output_lock(tmp_path):
        assert str(os.getpid()) in (tmp_path / HOLDER).read_text()
    assert tmp_path.is_dir()
    assert not any(tmp_path.iterdir())


def test_a_folder_with_content_is_kept_and_the_lock_is_not(tmp_path: Path) -> None:
    with output_lock(tmp_path / "out"):
        (tmp_path / "out" / "kept").touch()
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["kept"]


def test_a_description_that_cannot_be_read_is_no_obstacle(tmp_path: Path) -> None:
    with output_lock(tmp_path):
        for description in (b"", b"\xff\x00", bytes(10_000), None):
            (tmp_path / HOLDER).unlink()
            if description is not None:
                (tmp_path / HOLDER).write_bytes(description)
            with pytest.raises(ZooError, match="is in use by"), output_lock(tmp_path):
                pass
            (tmp_path / HOLDER).touch()
