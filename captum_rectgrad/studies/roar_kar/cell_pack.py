"""Cells of a table as one small file, to carry them from one machine to another."""

import json
import re
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import captum_rectgrad
from captum_rectgrad.errors import RectGradError
from captum_rectgrad.studies.report.run_folder import CONFIG, claim_folder, differences
from rectgrad_zoo.input_files import open_regular, parse_json_object, read_json_object, read_regular
from rectgrad_zoo.written_whole import write_text, written_whole

ABOUT = "pack.json"
FORMAT = 1
MAX_FILE = 1 << 20  # bytes of a file in a pack, more than a cell of a million images has
MAX_FILES = 100_000
MAX_PACK = 1 << 30  # bytes, also of all its files without compression
_CELL = re.compile(r"[A-Za-z0-9_:-][A-Za-z0-9._:-]*\.json")


def pack_cells(cells: Path, file: Path) -> int:
    """Pack the finished cells of a folder. Ranks are left out, since they can be computed again.

    Args:
        cells: folder of the cells.
        file: file to write, a ZIP archive.

    Returns:
        The number of cells.
    """
    config = read_json_object(cells / CONFIG)
    about = {"format": FORMAT, "version": captum_rectgrad.__version__, "config": config}
    found = sorted(path for path in cells.glob("[!.]*.json") if path.name != CONFIG)
    file.parent.mkdir(parents=True, exist_ok=True)
    with (
        written_whole(file) as unfinished,
        zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive,
    ):
        for name, text in ((ABOUT, json.dumps(about, indent=2)), *map(_named, found)):
            # Without a date, so that the same cells give the same bytes.
            archive.writestr(zipfile.ZipInfo(name), text, zipfile.ZIP_DEFLATED)
    return len(found)


def _named(file: Path) -> tuple[str, str]:
    return file.name, read_regular(file, MAX_FILE).decode()


def unpack_cells(
    file: Path, cells: Path, config: Mapping[str, Any], free: Collection[str] = ()
) -> int:
    """Add the cells of a pack to a folder. Cells that the folder has already are kept.

    Args:
        file: the pack.
        cells: folder of the cells; it is created if it does not exist.
        config: the configuration of the cells of this run.
        free: keys of the configuration that may be others in the pack, which then count.

    Returns:
        The number of cells that were added.

    Raises:
        RectGradError: the file is not a pack, or belongs to another configuration or version; the
            error lists the difference. Nothing is written.
    """
    try:
        contents = _read(file)
        about = parse_json_object(contents.pop(ABOUT).encode(), ABOUT)
        found = {"format": about["format"], "version": about["version"], **about["config"]}
    # An arbitrary file may raise anything.
    except Exception as error:
        raise RectGradError(
            f"{file} is not a pack of cells ({type(error).__name__}: {error})"
        ) from error
    wanted = {
        "format": FORMAT,
        "version": captum_rectgrad.__version__,
        **without(json.loads(json.dumps(config)), free),
    }
    different = differences(without(found, free), wanted)
    if different:
        raise RectGradError(
            f"{file} has cells of another run: {different}. Give the same options, or another pack"
        )
    claim_folder(cells, {**without(config, free), **about["config"]})
    missing = {name: text for name, text in contents.items() if not (cells / name).exists()}
    for name, text in missing.items():
        write_text(cells / name, text)
    return len(missing)


def without(config: Mapping[str, Any], keys: Collection[str]) -> dict[str, Any]:
    """A configuration without some keys."""
    return {key: value for key, value in config.items() if key not in keys}


def _read(file: Path) -> dict[str, str]:
    with open_regular(file, MAX_PACK) as opened, zipfile.ZipFile(opened) as archive:
        members = archive.infolist()
        if len(members) > MAX_FILES:
            raise ValueError(f"{len(members)} files, expected at most {MAX_FILES}")
        for member in members:
            if not _CELL.fullmatch(member.filename) or member.filename == CONFIG:
                raise ValueError(f"{member.filename!r} is not the name of a cell")
            if member.file_size > MAX_FILE:
                raise ValueError(f"{member.filename} has {member.file_size} bytes")
        if (size := sum(member.file_size for member in members)) > MAX_PACK:
            raise ValueError(f"its files have {size} bytes, expected at most {MAX_PACK}")
        return {member.filename: archive.read(member).decode() for member in members}
