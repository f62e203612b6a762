"""What cells are measured on, and measuring one: the same on this machine and on any other."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from captum_rectgrad.studies.roar_kar.cells import Cell
from captum_rectgrad.studies.roar_kar.imputation import imputed
from captum_rectgrad.studies.roar_kar.masking import mask_alone, removed, replaced
from captum_rectgrad.studies.roar_kar.ranks import RankPair, Ranks
from captum_rectgrad.studies.roar_kar.training import (
    Answers,
    Training,
    answers,
    train_network,
)
from rectgrad_zoo.data import LabelledImages, to_model_range

_KEPT_MOST_IMPORTANT = ("kar", "road-lerf")


@dataclass(frozen=True, eq=False)
class Work:
    """Everything that cells share but the ranks.

    Attributes:
        train: images to train on, uint8, on the CPU; no cell copies them.
        test: images to measure on.
        colour: of replaced pixels, `(3,)`.
        model: the network that is explained, on the CPU; ROAD asks it.
        training: how the others are trained.
        device: where.
        seed: of the study.
        batch_size: images in memory when measuring.
    """

    train: LabelledImages
    test: LabelledImages
    colour: Tensor
    model: nn.Module
    training: Training
    device: torch.device
    seed: int
    batch_size: int


def measure_cell(cell: Cell, work: Work, ranks: RankPair | None) -> Answers:
    """Do what a cell asks for.

    Args:
        cell: which.
        work: what it is measured on.
        ranks: of the training and the test images, by its method and form; None for `whole`.

    Returns:
        Which test images are classified correctly, `(N,)`.
    """
    train_ranks, test_ranks = ranks or (None, None)
    see_test = partial(see, cell, work, work.test.images, test_ranks)
    if cell.measure in ("road-morf", "road-lerf"):
        model = work.model.to(work.device)
    else:
        see_train = partial(see, cell, work, work.train.images.to(work.device), train_ranks)
        model = train_network(
            work.training, see_train, work.train.labels, cell.seed(work.seed), work.device
        )
    return answers(model, see_test, work.test.labels, work.batch_size)


def see(cell: Cell, work: Work, images: Tensor, ranks: Ranks | None, batch: Tensor) -> Tensor:
    """Some images as the network of a cell sees them."""
    inputs = to_model_range(images[batch.to(images.device)].to(work.device))
    if ranks is None:
        return inputs
    # PyTorch cannot compare two-byte unsigned numbers.
    chosen = torch.from_numpy(ranks[batch.numpy()].astype(np.int32)).to(work.device)
    gone = removed(chosen, cell.fraction, least=cell.measure in _KEPT_MOST_IMPORTANT)
    if cell.measure == "mask":
        return mask_alone(gone, inputs)
    if cell.measure in ("road-morf", "road-lerf"):
        # Of the batch, so that halved batches do not all get the same noise.
        return imputed(inputs, gone, cell.seed(work.seed) + int(batch[0]))
    return replaced(inputs, gone, work.colour.to(work.device))
