"""Measurement of all cells of a table that have no result yet."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from captum_rectgrad.studies.compute.progress import Progress
from captum_rectgrad.studies.report.provenance import name_of
from captum_rectgrad.studies.roar_kar.cell_inputs import CellInputs
from captum_rectgrad.studies.roar_kar.cells import (
    Cell,
    CorruptCellError,
    read_cell,
    write_cell,
)
from captum_rectgrad.studies.roar_kar.engines import Engine
from captum_rectgrad.studies.roar_kar.ranks import RankFiles
from captum_rectgrad.studies.roar_kar.training import Answers

_LOG = logging.getLogger(__name__)


def run_cells(
    cells: Sequence[Cell], work: CellInputs, ranks: RankFiles, folder: Path, engine: Engine
) -> Mapping[Cell, Answers]:
    """Measure cells that have no result yet, and save their results.

    Args:
        cells: the cells.
        work: their inputs.
        ranks: ranks of the pixels.
        folder: folder of the results.
        engine: engine of the measurement.

    Returns:
        Which test images were classified correctly, for each cell, in the order of `cells`.
    """
    found = {cell: _read(folder, cell, len(work.test)) for cell in cells}
    missing = [cell for cell, answers in found.items() if answers is None]
    done = len(cells) - len(missing)
    is_here = work.device.type != "cuda" or torch.cuda.is_available()
    device = name_of(work.device) if is_here else str(work.device)  # a GPU of a cluster
    with Progress(len(cells), "cell", initial=done) as progress:
        for cell, answers in engine(missing, work, ranks, progress.beat):
            write_cell(folder, cell, answers, device)
            # A later run reads the file, so this one does as well.
            found[cell] = read_cell(folder, cell, len(work.test))
            progress.update(last=cell.name)
    return {cell: answers for cell, answers in found.items() if answers is not None}


def _read(folder: Path, cell: Cell, images: int) -> Answers | None:
    try:
        return read_cell(folder, cell, images)
    except CorruptCellError as error:
        _LOG.warning("%s; the cell is measured again", error)
        return None
