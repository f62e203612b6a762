"""The table of the networks that are finished for all cells, without ranks and trainings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from captum_rectgrad.errors import RectGradError
from captum_rectgrad.studies.report.run_folder import CONFIG, claim_folder
from captum_rectgrad.studies.roar_kar.cell_pack import without
from captum_rectgrad.studies.roar_kar.cells import Cell, read_cell
from captum_rectgrad.studies.roar_kar.config import RoarKarConfig
from captum_rectgrad.studies.roar_kar.curves import Ranking, table_cells
from captum_rectgrad.studies.roar_kar.training import Answers
from rectgrad_zoo.input_files import read_json_object

# How cells were computed, rather than of what: a table may be made on another machine.
HOW = (
    "batch size of maps",
    "networks trained at once",
    "threads of a training",
    "precision",
)


@dataclass(frozen=True)
class Finished:
    """What a run has finished.

    Attributes:
        config: the size of the study with the finished number of networks.
        answers: the results of all its cells.
        how: values of the keys `HOW` in the folder of the cells.
    """

    config: RoarKarConfig
    answers: Mapping[Cell, Answers]
    how: Mapping[str, Any]


def finished(
    config: RoarKarConfig,
    rankings: Sequence[Ranking],
    cells: Path,
    identity: Mapping[str, Any],
    images: int,
) -> Finished:
    """Read the cells of the networks that are finished for all methods and fractions.

    Args:
        config: size of the study.
        rankings: rows of the table.
        cells: folder of the cells.
        identity: what cells depend on; the values of `HOW` are those of the folder.
        images: number of test images.

    Returns:
        The finished cells.

    Raises:
        RectGradError: the folder has cells of another run, or no network is finished for all cells.
    """
    if not (cells / CONFIG).exists():
        raise RectGradError(f"{cells} has no cells; give the folder of a run, or --unpack FILE")
    found = read_json_object(cells / CONFIG)
    how = {key: found[key] for key in HOW if key in found}
    claim_folder(cells, {**without(identity, HOW), **how})
    wanted = table_cells(config, rankings)
    answers = {cell: read_cell(cells, cell, images) for cell in wanted}
    done = {cell: right for cell, right in answers.items() if right is not None}
    for networks in range(config.networks, 0, -1):
        smaller = replace(
            config, networks=networks, mask_networks=min(networks, config.mask_networks)
        )
        if set(table_cells(smaller, rankings)) <= set(done):
            chosen = {cell: done[cell] for cell in table_cells(smaller, rankings)}
            return Finished(smaller, chosen, how)
    raise RectGradError(
        f"{cells} has {len(done)} of {len(wanted)} cells, expected at least one network for each "
        "method and fraction; continue the run without --only-finished where it was begun"
    )
