"""A board by several processes."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import board
from captum_rectgrad.studies.board.rows import KEYS


def test_every_row_is_in_one_part() -> None:
    rows = [key for part in (*board.SLOW, board.REST) for key in part]
    assert sorted(rows) == sorted(KEYS)


def test_parts_are_put_together_when_all_are_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[list[str]] = []

    def run(command: list[str], **_: object) -> "subprocess.CompletedProcess[bytes]":
        commands.append(command)
        folder = Path(command[command.index("--out") + 1])
        cells = folder / "cells" / "shapes-plain" / command[command.index("--rows") + 1]
        cells.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text("{}")
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", run)
    words = ["board", "--networks", "shapes", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", words)
    assert board.main() == 0
    whole = tmp_path / "board-shapes"
    assert len(list((whole / "cells" / "shapes-plain").iterdir())) == len(board.SLOW) + 2
    assert (whole / "config.json").exists()
    assert commands[-1][commands[-1].index("--rows") + 1] == ",".join(KEYS)
    monkeypatch.setattr(sys, "argv", [*words[:-1], str(tmp_path / "late"), "--minutes", "0"])
    count = len(commands)
    assert board.main() == 75
    assert len(commands) == count
