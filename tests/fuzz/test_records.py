"""Damaged results, cells and packs are read as they are, or refused with the name of the file."""

import io
import json
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from captum_rectgrad.errors import RectGradError
from captum_rectgrad.studies.report.run_folder import (
    CONFIG,
    RESULT,
    claim_folder,
    read_claims,
    read_used,
)
from captum_rectgrad.studies.roar_kar.cell_pack import pack_cells, unpack_cells
from captum_rectgrad.studies.roar_kar.cells import (
    Cell,
    CorruptCellError,
    cell_file,
    read_cell,
    write_cell,
)
from tests.support.fuzzing import Fuzzer, damaged_bytes, damaged_json, snapshot

CELL = Cell("roar", "rectgrad", "signed", 0.5, 0)
ANSWERS = np.arange(100) % 3 == 0
CONFIGURATION = {"epochs": 2, "seed": 0, "methods": ["rectgrad", "saliency"]}
RECORD = {
    "study": "patch",
    "claims": [{"text": "a", "source": "b", "verdict": "holds", "because": "c"}],
    "rows": [{"method": "RectGrad", "share": {"value": 0.5, "low": 0.4, "high": 0.6, "count": 9}}],
    "provenance": {"used": {"test images": "CIFAR-10"}},
}


def _checked(
    fuzz: Fuzzer,
    tmp_path: Path,
    name: str,
    read: Callable[[Path], Any],
    contents: st.SearchStrategy[bytes],
    count: int,
) -> None:
    """Fuzz a reader of one file, given its folder."""

    def check(content: bytes) -> None:
        with tempfile.TemporaryDirectory(dir=tmp_path) as place:
            folder = Path(place)
            (folder / name).write_bytes(content)
            before = snapshot(folder)
            refused = None
            try:
                read(folder)
            except (RectGradError, CorruptCellError) as error:
                refused = str(error)
            if refused is not None:
                assert str(folder) in refused
            assert snapshot(folder) == before

    fuzz(check, contents, count)


def test_damaged_cells(fuzz: Fuzzer, tmp_path: Path) -> None:
    write_cell(tmp_path, CELL, ANSWERS, "cpu")
    file = cell_file(tmp_path, CELL)
    valid = file.read_bytes()

    def read(folder: Path) -> None:
        answers = read_cell(folder, CELL, len(ANSWERS))
        assert answers is not None
        assert answers.dtype == np.bool_
        assert answers.shape == ANSWERS.shape

    contents = st.one_of(damaged_json(json.loads(valid)), damaged_bytes(valid))
    _checked(fuzz, tmp_path, file.name, read, contents, 300)


def test_damaged_results(fuzz: Fuzzer, tmp_path: Path) -> None:
    def read(folder: Path) -> None:
        assert all(isinstance(value, str) for value in read_used(folder).values())
        read_claims(folder)

    _checked(fuzz, tmp_path, RESULT, read, damaged_json(RECORD), 300)


def test_damaged_configurations(fuzz: Fuzzer, tmp_path: Path) -> None:
    def read(folder: Path) -> None:
        claim_folder(folder, CONFIGURATION)

    _checked(fuzz, tmp_path, CONFIG, read, damaged_json(CONFIGURATION), 300)


def test_damaged_packs(fuzz: Fuzzer, tmp_path: Path) -> None:
    packed = tmp_path / "packed"
    claim_folder(packed, CONFIGURATION)
    write_cell(packed, CELL, ANSWERS, "cpu")
    pack_cells(packed, tmp_path / "valid.zip")
    valid = (tmp_path / "valid.zip").read_bytes()

    def check(content: bytes) -> None:
        with tempfile.TemporaryDirectory(dir=tmp_path) as place:
            file, cells = Path(place) / "pack.zip", Path(place) / "cells"
            file.write_bytes(content)
            refused = None
            try:
                unpack_cells(file, cells, CONFIGURATION)
            except RectGradError as error:
                refused = str(error)
            if refused is not None:
                assert str(file) in refused
                assert not cells.exists()
            outside = {path.name for path in Path(place).iterdir()}
            assert outside <= {"pack.zip", "cells"}
            assert file.read_bytes() == content

    fuzz(check, st.one_of(damaged_bytes(valid), _archives(valid)), 300)


@st.composite
def _archives(draw: st.DrawFn, valid: bytes) -> bytes:
    """Archives with other names and documents."""
    names = st.one_of(
        st.sampled_from(["../outside.json", "/outside.json", "a/b.json", CONFIG, "c.json"]),
        st.text(min_size=1, max_size=8),
    )
    with zipfile.ZipFile(io.BytesIO(valid)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    name = draw(st.sampled_from(sorted(files)))
    files[name] = draw(damaged_json(json.loads(files[name])))
    if draw(st.booleans()):
        files[draw(names)] = b"{}"
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return found.getvalue()
