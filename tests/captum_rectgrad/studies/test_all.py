"""`reproduce all`, killed in the middle and started again."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from captum_rectgrad.evaluation.methods import choose_methods
from captum_rectgrad.studies.framework.lab import Lab
from captum_rectgrad.studies.framework.registry import find
from captum_rectgrad.studies.report.running import run_all
from tests.captum_rectgrad.studies.conftest import Tiny

ROOT = Path(__file__).parents[3]
# One study that is done when the run is killed, one in the middle of its cells, one not begun.
NAMES = ("background", "roar-kar", "layers")
KEYS = ("saliency", "rectgrad", "random")
FIRST, MIDDLE, LAST = NAMES

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:attribution of sample"),
]


def run(folder: Path) -> tuple[bool, Path]:
    """The run that is killed."""
    lab = Lab(material=Tiny(), methods=choose_methods(KEYS), folder=folder, batch_size=7)
    return run_all([find(name) for name in NAMES], "smoke", lab)


def cells(folder: Path) -> dict[str, int]:
    """By name, when each was written; those that are being written have another name."""
    return {file.name: file.stat().st_mtime_ns for file in folder.glob(f"{MIDDLE}/cells/[!.]*")}


def kill_when(folder: Path, is_time: Callable[[], bool]) -> None:
    code = (
        "import sys, pathlib; from tests.captum_rectgrad.studies import test_all; "
        "test_all.run(pathlib.Path(sys.argv[1]))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", code, str(folder)]
    with subprocess.Popen(command, cwd=ROOT, env=environment) as process:
        try:
            deadline = time.monotonic() + 300
            while not is_time():
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.02)
        finally:
            process.send_signal(signal.SIGKILL)


def test_a_killed_run_does_nothing_twice_and_ends_with_the_same_report(tmp_path: Path) -> None:
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    kill_when(killed, lambda: len(cells(killed)) > 4)
    result = killed / FIRST / "result.json"
    first, begun = result.stat().st_mtime_ns, cells(killed)
    assert not (killed / MIDDLE / "result.json").exists()
    assert not (killed / LAST).exists()
    assert not (killed / "report.md").exists()

    done, report = run(killed)
    assert done
    # What was whole is left as it was.
    assert result.stat().st_mtime_ns == first
    finished = cells(killed)
    assert len(finished) > len(begun)
    assert {name: finished[name] for name in begun} == begun

    run(whole)
    assert report.read_text() == (whole / "report.md").read_text()
    for name in NAMES:
        tables = [(folder / name / "result.csv").read_bytes() for folder in (killed, whole)]
        assert tables[0] == tables[1]
        pages = [(folder / name / "report.md").read_text() for folder in (killed, whole)]
        assert without_time(pages[0]) == without_time(pages[1])
    # Nothing unfinished is left behind.
    assert names_in(killed) == names_in(whole)


def without_time(page: str) -> str:
    """A report without what differs in a run that was interrupted: how long it took, and that."""
    return re.sub(r"^- (date|minutes|resumed): .*$", "", page, flags=re.MULTILINE)


def names_in(folder: Path) -> set[str]:
    """But for what a kill left of a file that was being written, under a hidden name."""
    return {str(file.relative_to(folder)) for file in folder.rglob("[!.]*")}
