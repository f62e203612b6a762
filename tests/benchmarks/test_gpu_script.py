"""`benchmarks/gpu.sh`, as far as it goes without a GPU."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "benchmarks" / "gpu.sh"


def run(*arguments: Path | str, python: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "DEVICE": "cpu", "PYTHON": python}
    return subprocess.run(
        [SCRIPT, *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_folder_must_be_given(tmp_path: Path) -> None:
    done = run(python=sys.executable)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage:")
    assert run(tmp_path / "out", tmp_path / "none", python=sys.executable).returncode == 2


def test_a_part_that_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    done = run(tmp_path / "out", python="/bin/false")
    assert done.returncode == 1
    log = (tmp_path / "out" / "log.txt").read_text(encoding="utf-8")
    assert log.count("== exit status 1 after") == 4


@pytest.mark.slow
def test_everything_is_run_and_written(tmp_path: Path) -> None:
    done = run(tmp_path / "out", python=sys.executable)
    log = (tmp_path / "out" / "log.txt").read_text(encoding="utf-8")
    assert done.returncode == 0, log
    assert log.count("== exit status 0 after") == 4
    assert " passed" in log
    found = {
        name: json.loads((tmp_path / "out" / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("training", "accuracy", "attribution")
    }
    assert found["training"]["ways"]["ours"]["images per second"] > 0
    assert len(found["accuracy"]["bfloat16"]) == 2
    (case,) = found["attribution"]["groups"]["Networks"]
    assert case["ratios"]["rectgrad"]["median"] > 0
    assert {file.suffix for file in (tmp_path / "out").iterdir()} == {".txt", ".json", ".md"}
