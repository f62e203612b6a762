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


def test_a_part_and_a_folder_must_be_given(tmp_path: Path) -> None:
    for arguments in ((), (tmp_path / "out",), ("all", tmp_path / "out")):
        done = run(*arguments, python=sys.executable)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("usage:")
    assert run("table", tmp_path / "out", tmp_path / "none", python=sys.executable).returncode == 2


def test_a_command_that_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    done = run("speed", tmp_path / "out", python="/bin/false")
    assert done.returncode == 1
    log = (tmp_path / "out" / "speed.txt").read_text(encoding="utf-8")
    assert log.count("== exit status 1 after") == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("part", "records"),
    [("tests", ["agreement"]), ("speed", ["attribution", "training"]), ("table", ["accuracy"])],
)
def test_everything_is_run_and_written(tmp_path: Path, part: str, records: list[str]) -> None:
    done = run(part, tmp_path / "out", python=sys.executable)
    log = (tmp_path / "out" / f"{part}.txt").read_text(encoding="utf-8")
    assert done.returncode == 0, log
    found = {
        name: json.loads((tmp_path / "out" / f"{name}.json").read_text(encoding="utf-8"))
        for name in records
    }
    if part == "tests":
        assert " passed" in log
        assert all(row["to the CPU"]["attribution"] == 0 for row in found["agreement"]["rows"])
    elif part == "speed":
        assert found["training"]["ways"]["bfloat16"]["images per second"] > 0
        (case,) = found["attribution"]["groups"]["Networks"]
        assert case["ratios"]["rectgrad"]["median"] > 0
    else:
        assert len(found["accuracy"]["bfloat16"]) == 2
    assert {file.suffix for file in (tmp_path / "out").iterdir()} == {".txt", ".json", ".md"}
