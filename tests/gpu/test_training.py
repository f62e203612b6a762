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
    new_network,
    stack_of,
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
def test_a_network_depends_on_the_number_of_others_alone(
    work: CellInputs, ranks: RankFiles, device: torch.device, precision: Precision
) -> None:
    """The result is the same with other networks, at another position, and in every run."""
    training = replace(TRAINING, precision=precision)
    train = partial(train_networks, training, labels=work.train.labels, device=device)
    capture = device.type == "cuda"
    first, *others = CELLS

    def trained(cells: Sequence[Cell]) -> Tensor:
        seeds = [cell.seed(work.seed) for cell in cells]
        see = sight(cells, work, ranks, device)
        networks = train(see=see, seeds=seeds, capture=capture)
        return weights(networks[cells.index(first)])

    found = trained([first, *others])
    assert torch.equal(trained([first, *others]), found)
    assert torch.equal(trained([*others, first]), found)
    assert torch.equal(trained([first, *others[:1] * 3]), found)
    assert not torch.equal(found.cpu(), weights(new_network(training, first.seed(work.seed))))


def test_a_step_waits_for_nothing(
    work: CellInputs, ranks: RankFiles, cuda: torch.device, synchronisations: Synchronisations
) -> None:
    stack = stack_of(
        TRAINING, [new_network(TRAINING, seed).to(cuda).train() for seed in range(4)], cuda
    )
    labels = work.train.labels.to(cuda)
    step = training_step(TRAINING, stack, sight(CELLS, work, ranks, cuda), labels)
    batch = torch.arange(20, device=cuda).repeat(4, 1)
    with deterministic(cuda):
        step(batch)
        with synchronisations() as waits:
            step(batch)
    assert waits == []


def test_cells_do_not_depend_on_how_many_are_left(
    work: CellInputs, ranks: RankFiles, device: torch.device
) -> None:
    training = replace(TRAINING, learning_rate=0.01, precision=precision_of(device))
    work = replace(work, device=device, training=training)
    cells = [*CELLS, Cell("road-morf", "saliency", "signed", 0.3, 0)]
    found = {cell: right.tolist() for cell, right in local(cells, work, ranks, stack=3)}
    again = {cell: right.tolist() for cell, right in local(cells[2:], work, ranks, stack=3)}
    assert again == {cell: found[cell] for cell in cells[2:]}
    assert len({tuple(right) for right in found.values()}) > 2


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
