"""Files of cells: whole, unchanged, or done again and reported."""

import json
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from captum_rectgrad.studies.roar_kar.cell_inputs import CellInputs
from captum_rectgrad.studies.roar_kar.cells import (
    Cell,
    CorruptCellError,
    cell_file,
    read_cell,
    write_cell,
)
from captum_rectgrad.studies.roar_kar.engines import local
from captum_rectgrad.studies.roar_kar.ranks import RankFiles
from captum_rectgrad.studies.roar_kar.run_cells import run_cells
from captum_rectgrad.studies.roar_kar.training import Answers

CELL = Cell("roar", "saliency", "signed", 0.1, 2)
ANSWERS = np.array([True, False, True, True, False, False, False, True, True, False])


def test_what_was_written_is_read(tmp_path: Path) -> None:
    assert read_cell(tmp_path, CELL, 10) is None
    write_cell(tmp_path, CELL, ANSWERS, "cpu")
    assert [file.name for file in tmp_path.iterdir()] == ["roar-saliency-signed-0.1-2.json"]
    assert np.array_equal(read_cell(tmp_path, CELL, 10), ANSWERS)  # type: ignore[arg-type]


def changed(key: str, value: object) -> Callable[[str], str]:
    return lambda text: json.dumps({**json.loads(text), key: value})


DAMAGES: dict[str, Callable[[str], str]] = {
    "cut": lambda text: text[: len(text) // 2],
    "empty": lambda _: "",
    "no object": lambda _: "[1]",
    "nested": lambda _: "[" * 100_000 + "]" * 100_000,
    "no answers": lambda text: text.replace("answers", "questions"),
    "no hexadecimal": changed("answers", "xy"),
    "no text": changed("answers", 3),
    "another bit": changed("answers", "0000"),
    "too short": changed("answers", "b1"),
    "another fraction": changed("fraction", 0.3),
    "other images": changed("images", 9),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damage_is_seen(damage: Callable[[str], str], tmp_path: Path) -> None:
    write_cell(tmp_path, CELL, ANSWERS, "cpu")
    file = cell_file(tmp_path, CELL)
    file.write_text(damage(file.read_text()))
    with pytest.raises(CorruptCellError, match=r"roar-saliency-signed-0\.1-2"):
        read_cell(tmp_path, CELL, 10)


def test_what_is_no_text_is_damage(tmp_path: Path) -> None:
    file = cell_file(tmp_path, CELL)
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CorruptCellError, match="is not valid JSON"):
        read_cell(tmp_path, CELL, 10)
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(CorruptCellError, match="is not a regular file"):
        read_cell(tmp_path, CELL, 10)


def test_every_cell_has_a_seed_and_a_file_of_its_own() -> None:
    cells = [
        CELL,
        replace(CELL, measure="kar"),
        replace(CELL, method="deeplift"),
        replace(CELL, form="absolute"),
        replace(CELL, fraction=0.3),
        replace(CELL, network=0),
        Cell("whole", "", "signed", 0, 2),
    ]
    assert len({cell.seed(0) for cell in cells}) == len({cell.name for cell in cells}) == 7
    assert CELL.seed(0) != CELL.seed(1)
    # A version that seeds cells otherwise would go on from this one's with another table.
    assert CELL.seed(0) == 4237597599248920874


CELLS = [
    Cell("whole", "", "signed", 0, 0),
    Cell("roar", "saliency", "signed", 0.5, 0),
    Cell("mask", "saliency", "signed", 0.5, 0),
    Cell("road-morf", "saliency", "signed", 0.5, 0),
]


def test_only_what_is_missing_or_damaged_is_done(
    work: CellInputs, ranks: RankFiles, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[list[Cell]] = []

    def watched(
        cells: Sequence[Cell],
        work: CellInputs,
        ranks: RankFiles,
        beat: Callable[[str], object],
    ) -> Iterator[tuple[Cell, Answers]]:
        asked.append(list(cells))
        return local(cells, work, ranks, beat)

    folder = tmp_path / "cells"
    folder.mkdir()
    first = run_cells(CELLS, work, ranks, folder, watched)
    texts = {cell: cell_file(folder, cell).read_text() for cell in CELLS}
    cell_file(folder, CELLS[1]).unlink()
    cell_file(folder, CELLS[3]).write_text(texts[CELLS[3]][:40])
    with caplog.at_level(logging.WARNING):
        again = run_cells(CELLS, work, ranks, folder, watched)
    assert asked == [CELLS, [CELLS[1], CELLS[3]]]
    assert "road-morf-saliency-signed-0.5-0.json is not valid JSON" in caplog.text
    assert "roar-saliency" not in caplog.text
    assert list(again) == list(first) == CELLS
    assert all(np.array_equal(first[cell], again[cell]) for cell in CELLS)
    assert {cell: cell_file(folder, cell).read_text() for cell in CELLS} == texts
    run_cells(CELLS, work, ranks, folder, watched)
    assert asked[2] == []
