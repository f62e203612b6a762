"""Two processes on one output folder: the second is refused, the result of the first whole."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from captum_rectgrad.evaluation.methods import choose_methods
from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.framework.registry import find
from captum_rectgrad.studies.report.run_folder import read_result
from captum_rectgrad.studies.report.run_studies import run_all, run_study
from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.output_lock import HOLDER
from tests.captum_rectgrad.studies.conftest import Tiny

ROOT = Path(__file__).parents[4]
STUDY = find("roar-kar")
CODE = (
    "import sys, pathlib; from tests.captum_rectgrad.studies.report import test_two_processes; "
    "test_two_processes.run(pathlib.Path(sys.argv[1]))"
)

pytestmark = pytest.mark.slow


def context(folder: Path) -> StudyContext:
    methods = choose_methods(("saliency", "rectgrad", "random"))
    return StudyContext(study_data=Tiny(), methods=methods, folder=folder, batch_size=7)


def run(folder: Path) -> Path:
    """The run of both processes."""
    return run_study(STUDY, "smoke", context(folder))


def test_the_second_process_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / STUDY.name
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", CODE, str(folder)]
    with subprocess.Popen(command, cwd=ROOT, env=environment) as first:
        try:
            deadline = time.monotonic() + 120
            while not (folder / "ranks").exists():
                assert first.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.01)
            first.send_signal(signal.SIGSTOP)  # in its work, as long as this process needs
            assert (folder / HOLDER).exists()
            before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
            with pytest.raises(ZooError, match=rf"is in use by process {first.pid} on .* since 20"):
                run(folder)
            done, report = run_all([STUDY], "smoke", context(tmp_path))
            assert not done
            assert f"process {first.pid}" in report.read_text()
            assert before == {
                file: file.read_bytes() for file in folder.rglob("*") if file.is_file()
            }
        finally:
            first.send_signal(signal.SIGCONT)
        assert first.wait(120) == 0
    whole = read_result(folder)["rows"]
    other = tmp_path / "other"
    run(other)
    assert read_result(other)["rows"] == whole
    assert not (folder / HOLDER).exists()
