"""Stacked training on a GPU: the networks of a plain loop there, without waiting, in a graph."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from benchmarks.training.contenders import Contender, Data, contenders
from captum_rectgrad.studies.compute.precision import Precision, precision_of
from captum_rectgrad.studies.roar_kar.cell_inputs import CellInputs
from captum_rectgrad.studies.roar_kar.cells import Cell
from captum_rectgrad.studies.roar_kar.engines import local
from captum_rectgrad.studies.roar_kar.masked_inputs import MaskedInputs, rank_table
from captum_rectgrad.studies.roar_kar.ranks import RankFiles
from captum_rectgrad.studies.roar_kar.stacked_training import (
    SideBySide,
    new_network,
    train_networks,
    training_step,
)
from captum_rectgrad.studies.roar_kar.training import Training
from rectgrad_zoo.determinism import deterministic

pytestmark = pytest.mark.gpu
# 20 images in batches of 8: two sizes of batch, both captured in the fourth epoch at the latest.
TRAINING = Training(
    "cifar10_cnn", 10, "adam", 0.001, 0.0, batch_size=8, epochs=6, precision="float32"
)
CELLS = [
    Cell("roar", "saliency", "signed", 0.3, 0),
    Cell("kar", "saliency", "signed", 0.9, 1),
    Cell("whole", "", "signed", 0, 0),
    Cell("mask", "saliency", "signed", 0.5, 0),
]
Synchronisations = Callable[[], AbstractContextManager[list[str]]]


def sight(
    cells: Sequence[Cell], work: CellInputs, ranks: RankFiles, device: torch.device
) -> MaskedInputs:
    table = rank_table(ranks.read("saliency", "signed")[0], device)
    tables = [table if cell.method else None for cell in cells]
    images, colour = work.train.images.to(device), work.colour.to(device)
    return MaskedInputs(cells, images, tables, colour, work.seed)


def weights(network: nn.Module) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_captured_stack_is_as_many_plain_trainings(
    work: CellInputs, ranks: RankFiles, device: torch.device, precision: Precision
) -> None:
    training = replace(TRAINING, precision=precision)
    train = partial(train_networks, training, labels=work.train.labels, device=device)
    seeds = [cell.seed(work.seed) for cell in CELLS]
    see = sight(CELLS, work, ranks, device)
    together = train(see=see, seeds=seeds, capture=device.type == "cuda")
    for cell, seed, network in zip(CELLS, seeds, together, strict=True):
        (alone,) = train(see=sight([cell], work, ranks, device), seeds=[seed])
        assert torch.equal(weights(network), weights(alone))
        assert not torch.equal(weights(network).cpu(), weights(new_network(training, seed)))


def test_a_step_waits_for_nothing(
    work: CellInputs, ranks: RankFiles, cuda: torch.device, synchronisations: Synchronisations
) -> None:
    stack = SideBySide([new_network(TRAINING, seed).to(cuda).train() for seed in range(4)])
    labels = work.train.labels.to(cuda)
    step = training_step(TRAINING, stack, sight(CELLS, work, ranks, cuda), labels)
    batch = torch.arange(20, device=cuda).repeat(4, 1)
    with deterministic(cuda):
        step(batch)
        with synchronisations() as waits:
            step(batch)
    assert waits == []


def test_cells_of_a_stack_are_those_of_none(
    work: CellInputs, ranks: RankFiles, device: torch.device
) -> None:
    training = replace(TRAINING, learning_rate=0.01, precision=precision_of(device))
    work = replace(work, device=device, training=training)
    cells = [*CELLS, Cell("road-morf", "saliency", "signed", 0.3, 0)]
    alone = {cell: found.tolist() for cell, found in local(cells, work, ranks)}
    stacked = {cell: found.tolist() for cell, found in local(cells, work, ranks, stack=3)}
    assert stacked == alone
    assert len({tuple(found) for found in alone.values()}) > 2


def ways(kind: str) -> tuple[Contender, ...]:
    return contenders(torch.device(kind))


@pytest.mark.parametrize("key", [way.key for way in ways("cuda")])
def test_everything_that_the_benchmark_times_runs(cuda: torch.device, key: str) -> None:
    (way,) = (way for way in ways(cuda.type) if way.key == key)
    data = Data.drawn(64, cuda)
    step = way.made(data)
    for _ in range(6):
        step(torch.arange(64, device=cuda).repeat(way.networks, 1))
    torch.cuda.synchronize()
