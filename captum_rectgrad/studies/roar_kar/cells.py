"""Cells of the table, and their files."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from captum_rectgrad.evaluation.seeds import derived_seed
from captum_rectgrad.studies.roar_kar.config import Form
from captum_rectgrad.studies.roar_kar.training import Answers
from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.input_files import read_json_object
from rectgrad_zoo.written_whole import write_text

Measure: TypeAlias = Literal["whole", "roar", "kar", "mask", "road-morf", "road-lerf"]
RETRAINED: tuple[Measure, Measure] = ("roar", "kar")
ROAD: tuple[Measure, Measure] = ("road-morf", "road-lerf")  # no network is trained for these


@dataclass(frozen=True)
class Cell:
    """One network, or one evaluation of a network: the unit that is saved.

    Attributes:
        measure: `roar` and `kar`: a network trained without a fraction of the most or the least
            important pixels; `mask`: one that only sees which pixels `roar` removes; `road-morf`
            and `road-lerf`: no training, the most or the least relevant pixels are imputed;
            `whole`: a network trained on whole images, for reference.
        method: key of the method that ranks the pixels; empty for `whole`.
        form: form of the ranking.
        fraction: fraction of removed pixels; 0 for `whole`.
        network: index of the network, from 0.
    """

    measure: Measure
    method: str
    form: Form
    fraction: float
    network: int

    @property
    def name(self) -> str:
        """All attributes in one word."""
        return "-".join(str(value) for value in asdict(self).values() if value != "")

    def seed(self, seed: int) -> int:
        """The cell's own seed.

        Args:
            seed: seed of the study.

        Returns:
            A number below 2 ** 63.
        """
        return derived_seed(seed, self.name)


class CorruptCellError(ValueError):
    """The file is not the complete result of its cell."""


def cell_file(folder: Path, cell: Cell) -> Path:
    """Path of a cell's result."""
    return folder / f"{cell.name}.json"


def write_cell(folder: Path, cell: Cell, answers: Answers, device: str) -> None:
    """Save the result of a cell atomically.

    Args:
        folder: folder of the cells.
        cell: the cell.
        answers: which test images were classified correctly, `(N,)`.
        device: name of the device of the measurement, for the record.
    """
    content = {
        **asdict(cell),
        "device": device,
        "images": len(answers),
        "correct": int(answers.sum()),
        "answers": np.packbits(answers).tobytes().hex(),
    }
    write_text(cell_file(folder, cell), json.dumps(content) + "\n")


def devices_of(folder: Path, cells: Iterable[Cell]) -> list[str]:
    """Names of the devices on which cells were measured, sorted.

    Args:
        folder: folder of the cells.
        cells: cells that are finished.
    """
    files = (read_json_object(cell_file(folder, cell)) for cell in cells)
    return sorted({str(content.get("device")) for content in files})


def read_cell(folder: Path, cell: Cell, images: int) -> Answers | None:
    """Load the result of a cell.

    Args:
        folder: folder of the cells.
        cell: the cell.
        images: number of test images, N.

    Returns:
        Which test images were classified correctly, `(N,)`; None if there is no file.

    Raises:
        CorruptCellError: the file is damaged or belongs to another cell.
    """
    file = cell_file(folder, cell)
    try:
        content = read_json_object(file)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CorruptCellError(f"{file} cannot be read ({error})") from error
    except ZooError as error:
        raise CorruptCellError(str(error).rstrip(".")) from error
    try:
        bits = np.frombuffer(bytes.fromhex(content["answers"]), dtype=np.uint8)
        answers = np.unpackbits(bits)[:images].astype(np.bool_)
        expected = {**asdict(cell), "images": images, "correct": int(answers.sum())}
        found = {key: content[key] for key in expected}
    except (ValueError, TypeError, KeyError) as error:
        raise CorruptCellError(f"{file} is damaged ({type(error).__name__}: {error})") from error
    if found != expected or len(answers) != images:
        raise CorruptCellError(f"{file} does not have the expected cell or number of images")
    return answers
