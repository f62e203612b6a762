"""A board by several processes."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_parts_of_a_board_are_put_together(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "benchmarks.board",
        "--networks",
        "shapes",
        "--preset",
        "smoke",
    ]
    command += ["--out", str(tmp_path), "--minutes", "1e-9"]
    assert subprocess.run(command, check=False).returncode == 75
    assert not (tmp_path / "board-shapes").exists()
    subprocess.run([*command[:-1], "10"], check=True)
    table = (tmp_path / "board-shapes" / "board.csv").read_text()
    assert {line.split(",")[3] for line in table.splitlines()} >= {"lime", "rectgrad", "random"}
