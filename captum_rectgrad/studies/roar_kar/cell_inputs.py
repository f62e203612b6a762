"""Inputs of cells, and their measurement: the same in this process and on a cluster."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor, nn

from captum_rectgrad.studies.roar_kar.cells import ROAD, Cell
from captum_rectgrad.studies.roar_kar.config import Form
from captum_rectgrad.studies.roar_kar.masked_inputs import MaskedInputs, rank_table
from captum_rectgrad.studies.roar_kar.ranks import RankPair
from captum_rectgrad.studies.roar_kar.stacked_training import can_be_captured, train_networks
from captum_rectgrad.studies.roar_kar.training import Answers, Training, answers
from rectgrad_zoo.data.images import LabelledImages

# Ranks by method and form.
RankPairs: TypeAlias = Mapping[tuple[str, Form], RankPair]


@dataclass(frozen=True, eq=False)
class CellInputs:
    """The inputs that all cells share, except the ranks.

    Attributes:
        train: training images, uint8, on the CPU; cells do not copy them.
        test: test images.
        colour: colour of replaced pixels, `(3,)`.
        model: the explained network, on the CPU; ROAD evaluates it.
        training: training of the other networks.
        device: device of the computation.
        seed: seed of the study.
        batch_size: batch size of the evaluation.
    """

    train: LabelledImages
    test: LabelledImages
    colour: Tensor
    model: nn.Module
    training: Training
    device: torch.device
    seed: int
    batch_size: int


def measure_cell(cell: Cell, work: CellInputs, ranks: RankPair | None) -> Answers:
    """Measure a cell.

    Args:
        cell: the cell.
        work: its inputs.
        ranks: ranks of the training and the test images, for its method and form; None for `whole`.

    Returns:
        Which test images are classified correctly, `(N,)`.
    """
    (found,) = measure_cells([cell], work, {(cell.method, cell.form): ranks} if ranks else {})
    return found


def measure_cells(
    cells: Sequence[Cell],
    work: CellInputs,
    ranks: RankPairs,
    beat: Callable[[str], object] = str,
) -> list[Answers]:
    """Measure cells, and train all their networks at once.

    Args:
        cells: the cells.
        work: their inputs.
        ranks: ranks of the pixels, by method and form.
        beat: called before every step of a training with a description of the progress.

    Returns:
        Which test images are classified correctly, `(N,)`, for each cell. The result does not
        depend on the other cells.
    """
    trained = [cell for cell in cells if cell.measure not in ROAD]
    models: dict[Cell, nn.Module] = dict.fromkeys(cells, work.model)
    if trained:
        networks = train_networks(
            work.training,
            _sight(trained, work, work.train.images, ranks, of_test=False),
            work.train.labels,
            [cell.seed(work.seed) for cell in trained],
            work.device,
            capture=work.device.type == "cuda" and can_be_captured(work.training),
            beat=beat,
        )
        models.update(zip(trained, networks, strict=True))
    return [
        answers(
            models[cell].to(work.device),
            _sight([cell], work, work.test.images, ranks, of_test=True),
            work.test.labels,
            work.batch_size,
        )
        for cell in cells
    ]


def _sight(
    cells: Sequence[Cell], work: CellInputs, images: Tensor, ranks: RankPairs, *, of_test: bool
) -> MaskedInputs:
    """The images as the networks see them, on the device, with each method's ranks once."""
    of = [(cell.method, cell.form) for cell in cells]
    tables = {
        key: rank_table(ranks[key][of_test], work.device) for key in dict.fromkeys(of) if key[0]
    }
    return MaskedInputs(
        cells,
        images.to(work.device),
        [tables.get(key) for key in of],
        work.colour.to(work.device),
        work.seed,
    )
