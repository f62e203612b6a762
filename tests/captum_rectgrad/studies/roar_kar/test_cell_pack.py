"""Cells carried in one file: the same cells elsewhere, and nothing of another run."""

import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from captum_rectgrad.errors import RectGradError
from captum_rectgrad.studies.report.run_folder import claim_folder
from captum_rectgrad.studies.roar_kar.cell_pack import ABOUT, pack_cells, unpack_cells
from captum_rectgrad.studies.roar_kar.cells import Cell, read_cell, write_cell
from rectgrad_zoo.errors import ZooError

CONFIG = {"seed": 0, "epochs": 20, "final percentile": 95.0}
CELLS = [Cell("roar", "captum.attr:Saliency", "signed", 0.5, network) for network in range(3)]
ANSWERS = np.arange(50) % 3 == 0


def folder(path: Path, cells: list[Cell], config: Mapping[str, object] = CONFIG) -> Path:
    claim_folder(path, config)
    for cell in cells:
        write_cell(path, cell, ANSWERS, "cpu")
    return path


def test_cells_arrive_and_those_that_are_there_are_kept(tmp_path: Path) -> None:
    pack = tmp_path / "packs" / "cells.zip"
    assert pack_cells(folder(tmp_path / "one", CELLS[:2]), pack) == 2
    other = folder(tmp_path / "other", CELLS[1:])
    write_cell(other, CELLS[1], ~ANSWERS, "cpu")
    assert unpack_cells(pack, other, CONFIG) == 1
    expected = [ANSWERS, ~ANSWERS, ANSWERS]
    for cell, answers in zip(CELLS, expected, strict=True):
        found = read_cell(other, cell, 50)
        assert found is not None
        assert np.array_equal(found, answers)
    assert unpack_cells(pack, tmp_path / "new", CONFIG) == 2
    again = tmp_path / "again.zip"
    pack_cells(tmp_path / "new", again)
    assert again.read_bytes() == pack.read_bytes()


def test_a_file_that_is_no_cell_is_not_packed(tmp_path: Path) -> None:
    cells = folder(tmp_path / "one", CELLS)
    with (cells / "large.json").open("wb") as large:
        large.truncate(10**12)
    with pytest.raises(ZooError, match=r"large\.json has 1,000,000\.0 MB, expected at most"):
        pack_cells(cells, tmp_path / "cells.zip")
    assert not (tmp_path / "cells.zip").exists()


def test_pack_of_another_run_is_refused_with_the_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = tmp_path / "cells.zip"
    pack_cells(folder(tmp_path / "one", CELLS), pack)
    with pytest.raises(RectGradError, match="epochs was 20, is 4"):
        unpack_cells(pack, tmp_path / "two", {**CONFIG, "epochs": 4})
    monkeypatch.setattr("captum_rectgrad.__version__", "9.9")
    with pytest.raises(RectGradError, match=r"version was .*, is '9\.9'"):
        unpack_cells(pack, tmp_path / "two", CONFIG)
    assert not (tmp_path / "two").exists()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("../outside.json", "{}"),
        ("/etc/outside.json", "{}"),
        ("sub/cell.json", "{}"),
        ("config.json", "{}"),
        ("cell.txt", "{}"),
        ("large.json", " " * (1 << 20) + "{}"),
    ],
)
def test_files_that_are_no_cells_are_refused(tmp_path: Path, name: str, text: str) -> None:
    pack = tmp_path / "cells.zip"
    pack_cells(folder(tmp_path / "one", CELLS), pack)
    with zipfile.ZipFile(pack, "a") as archive:
        archive.writestr(name, text)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(RectGradError, match="is not a pack of cells"):
        unpack_cells(pack, tmp_path / "two", CONFIG)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("about", [None, "[]", "{}", '{"format": 1, "version": "0", "config": 3}'])
def test_files_that_are_no_packs_are_refused(tmp_path: Path, about: str | None) -> None:
    pack = tmp_path / "cells.zip"
    if about is None:
        pack.write_text("no archive")
    else:
        with zipfile.ZipFile(pack, "w") as archive:
            archive.writestr(ABOUT, about)
    with pytest.raises(RectGradError, match="is not a pack of cells"):
        unpack_cells(pack, tmp_path / "two", CONFIG)
    with pytest.raises(RectGradError, match="is not a pack of cells"):
        unpack_cells(tmp_path / "none.zip", tmp_path / "two", CONFIG)


def test_about_says_what_the_cells_are_of(tmp_path: Path) -> None:
    pack = tmp_path / "cells.zip"
    pack_cells(folder(tmp_path / "one", CELLS), pack)
    with zipfile.ZipFile(pack) as archive:
        about = json.loads(archive.read(ABOUT))
    assert about["config"] == CONFIG


@pytest.mark.parametrize(
    "text", ["3", "[]", "[" * 100_000 + "]" * 100_000, '{"format": 1, "version": 2, "config": 3}']
)
def test_a_pack_with_other_json_is_refused_by_name(text: str, tmp_path: Path) -> None:
    pack = tmp_path / "cells.zip"
    with zipfile.ZipFile(pack, "w") as archive:
        archive.writestr(ABOUT, text)
    with pytest.raises(RectGradError, match=r"cells\.zip is not a pack of cells"):
        unpack_cells(pack, tmp_path / "new", CONFIG)
    assert list(tmp_path.iterdir()) == [pack]


def test_a_pack_that_is_large_without_compression_is_refused(tmp_path: Path) -> None:
    pack = tmp_path / "cells.zip"
    with zipfile.ZipFile(pack, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(1025):
            archive.writestr(f"{number}.json", bytes(1 << 20))
    assert pack.stat().st_size < 1 << 21
    with pytest.raises(RectGradError, match="its files have 1074790400 bytes, expected at most"):
        unpack_cells(pack, tmp_path / "new", CONFIG)


def test_a_pack_that_is_encrypted_or_a_pipe_is_refused(tmp_path: Path) -> None:
    pack, pipe = tmp_path / "cells.zip", tmp_path / "pipe.zip"
    pack_cells(folder(tmp_path / "one", CELLS), pack)
    content = bytearray(pack.read_bytes())
    for header in (b"PK\x03\x04", b"PK\x01\x02"):  # each has the flag of encryption
        start = content.find(header)
        content[start + (6 if header == b"PK\x03\x04" else 8)] |= 1
    pack.write_bytes(content)
    os.mkfifo(pipe)
    for file, reason in ((pack, "encrypted"), (pipe, "not a regular file")):
        with pytest.raises(RectGradError, match=reason):
            unpack_cells(file, tmp_path / "new", CONFIG)
