"""Every kind of file that the project writes, written where there is no room for it.

`python -m tests.support.writers limit FOLDER` limits the size of the files of this process; `full
FOLDER` fills the file system of the folder. Both print what is left of earlier files, as JSON.
"""

import contextlib
import io
import json
import resource
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn

from captum_rectgrad.cli.main import main
from captum_rectgrad.explain.explanation import Explanation, save_maps
from captum_rectgrad.studies.framework.registry import find
from captum_rectgrad.studies.framework.result import Claim, Result
from captum_rectgrad.studies.report import summary
from captum_rectgrad.studies.report.run_folder import CONFIG, record
from captum_rectgrad.studies.roar_kar.cell_pack import pack_cells
from captum_rectgrad.studies.roar_kar.cells import Cell, write_cell
from captum_rectgrad.studies.roar_kar.ranks import rank_file
from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.training import readme
from rectgrad_zoo.training.state import Course, StateFile
from rectgrad_zoo.written_whole import write_text

LIMIT = 100  # bytes; every writer writes a longer file
ROOT = Path(__file__).parents[2]
OLD = b"what was there before"
SETTINGS = {"material": "m" * LIMIT, "preset": "smoke"}


def command(*words: str | Path) -> None:
    """Run a command; raise what it says if it fails."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        status = main([str(word) for word in words])
    if status == 2:
        raise OSError(said.getvalue())


def figure(folder: Path) -> None:
    model = ("--model", "cifar10_cnn", "--methods", "saliency")
    command("explain", *model, "--out", folder / "figure.svg")


def maps(folder: Path) -> None:
    picture = np.zeros((8, 8, 3), dtype=np.float32)
    save_maps([Explanation("cat", picture, "cat", 0.5, "cat")], folder / "maps.npz")


def check(folder: Path) -> None:
    command(
        *("check", "--model", "cifar10_cnn", "--method", "saliency", "--data", "shapes"),
        *("--count", "2", "--steps", "1", "--repeats", "1", "--layers", "fc2", "--out", folder),
    )


def run(folder: Path) -> None:
    claims = [Claim("it is so", "figure 7", "undecided", "of the numbers")]
    origin = {"date": "today", "device": "cpu", "used": {"data": "f00"}}
    result = Result([{"method": "m", "amount": 1.5}], claims, Figure())
    record(folder, find("patch"), result, SETTINGS, origin)


def all_runs(folder: Path) -> None:
    summary.main([str(folder)])


def cell(folder: Path) -> None:
    answers = np.arange(8 * LIMIT) % 3 == 0
    write_cell(folder, Cell("roar", "saliency", "signed", 0.1, 2), answers, "cpu")


def pack(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as cells:
        Path(cells, CONFIG).write_text("{}")
        Path(cells, "cell.json").symlink_to(ROOT / "pyproject.toml")
        pack_cells(Path(cells), folder / "cells.zip")


def ranks(folder: Path) -> None:
    with rank_file(folder / "ranks.npy", 1, 1024) as file:
        file.write(np.arange(1024, dtype="<u2").tobytes())


def training_state(folder: Path) -> None:
    model = nn.Linear(100, 100)
    optimizer = torch.optim.SGD(model.parameters())
    StateFile(folder / "state.pt", {}).save(Course(model, optimizer, model.state_dict()))


def table_of_the_zoo(folder: Path) -> None:
    write_text(folder / "README.md", f"{readme.BEGIN}\n{readme.table(folder)}{readme.END}")


WRITERS: Mapping[str, Callable[[Path], None]] = {
    each.__name__: each
    for each in (
        figure,
        maps,
        check,
        run,
        all_runs,
        cell,
        pack,
        ranks,
        training_state,
        table_of_the_zoo,
    )
}


def without_room(how: str, folder: Path) -> dict[str, dict[str, object]]:
    """Write every file twice, the second time without room for it."""
    for name, write in WRITERS.items():
        (folder / name).mkdir()
        write(folder / name)
        for file in (folder / name).iterdir():
            # A figure replaces a file of its format only.
            file.write_bytes(file.read_bytes()[:8] + OLD)
    with limited() if how == "limit" else filled(folder):
        return {name: attempt(write, folder / name) for name, write in WRITERS.items()}


def attempt(write: Callable[[Path], None], folder: Path) -> dict[str, object]:
    """What a writer says, and what is in its folder afterwards."""
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    error = ""
    try:
        write(folder)
    except (OSError, ZooError) as raised:
        error = str(raised)
    after = {file.name: file.read_bytes() for file in folder.iterdir()}
    return {"error": error, "files": sorted(after), "unchanged": after == before}


@contextlib.contextmanager
def limited() -> Iterator[None]:
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, most))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))


@contextlib.contextmanager
def filled(folder: Path) -> Iterator[None]:
    with (folder / "filler").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(1 << 12))
    yield


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):
        found = without_room(sys.argv[1], Path(sys.argv[2]))
    print(json.dumps(found))  # noqa: T201
