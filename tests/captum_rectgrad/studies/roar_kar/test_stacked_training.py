"""Networks trained at once are what each is alone, and what a plain loop makes of it."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import timm
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from captum_rectgrad.studies.compute.batches import in_batches
from captum_rectgrad.studies.compute.masking import mask_alone, replaced
from captum_rectgrad.studies.compute.precision import Precision
from captum_rectgrad.studies.roar_kar.cell_inputs import (
    CellInputs,
    RankPairs,
    measure_cell,
    measure_cells,
)
from captum_rectgrad.studies.roar_kar.cells import Cell
from captum_rectgrad.studies.roar_kar.masked_inputs import MaskedInputs, rank_table
from captum_rectgrad.studies.roar_kar.ranks import RankFiles
from captum_rectgrad.studies.roar_kar.stacked_networks import SideBySide
from captum_rectgrad.studies.roar_kar.stacked_training import (
    new_network,
    train_networks,
    training_step,
)
from captum_rectgrad.studies.roar_kar.training import Training
from rectgrad_zoo.data.images import to_model_range

TRAINING = Training(
    "cifar10_cnn", 10, "adam", 0.001, 0.0, batch_size=8, epochs=2, precision="float32"
)
CELLS = [
    Cell("roar", "saliency", "signed", 0.3, 0),
    Cell("kar", "saliency", "signed", 0.9, 1),
    Cell("whole", "", "signed", 0, 0),
    Cell("mask", "saliency", "signed", 0.5, 0),
]


def weights(networks: Sequence[nn.Module]) -> list[Tensor]:
    return [torch.cat([p.detach().flatten() for p in net.parameters()]) for net in networks]


def alone(cell: Cell, work: CellInputs, ranks: RankFiles, training: Training) -> nn.Module:
    """One network, trained by a loop as it is written down first."""
    torch.manual_seed(cell.seed(work.seed))
    model: nn.Module = timm.create_model(training.architecture, num_classes=training.classes)
    model = model.to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=training.learning_rate, fused=True)
    order = torch.Generator().manual_seed(cell.seed(work.seed))
    inputs = to_model_range(work.train.images)
    if cell.method:
        table = torch.from_numpy(ranks.read(cell.method, cell.form)[0].astype(np.int64))
        count = round(cell.fraction * 1024)
        gone = table >= 1024 - count if cell.measure == "kar" else table < count
        masked = cell.measure == "mask"
        inputs = mask_alone(gone, inputs) if masked else replaced(inputs, gone, work.colour)
    half = training.precision == "bfloat16"
    for _ in range(training.epochs):
        images = torch.arange(len(inputs))
        if training.shuffle:
            images = torch.randperm(len(inputs), generator=order)
        for batch in images.split(training.batch_size):
            chosen = inputs[batch].contiguous(memory_format=torch.channels_last)
            with torch.autocast("cpu", torch.bfloat16, enabled=half):
                logits = model(chosen)
            loss = F.cross_entropy(logits.float(), work.train.labels[batch])
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
    return model


def sight(cells: Sequence[Cell], work: CellInputs, ranks: RankFiles) -> MaskedInputs:
    train, _ = ranks.read("saliency", "signed")
    tables = [rank_table(train, work.device) if cell.method else None for cell in cells]
    return MaskedInputs(cells, work.train.images, tables, work.colour, work.seed)


@pytest.mark.bitwise("a stack takes the steps of the plain loop, but for the mean")
@pytest.mark.parametrize(
    ("precision", "shuffle"), [("float32", True), ("bfloat16", True), ("float32", False)]
)
def test_a_stack_trains_the_same_networks_as_plain_loops(
    work: CellInputs, ranks: RankFiles, precision: Precision, shuffle: bool
) -> None:
    """20 images in batches of 8: the last one of an epoch is smaller."""
    training = replace(TRAINING, precision=precision, shuffle=shuffle)
    seeds = [cell.seed(work.seed) for cell in CELLS]
    see = sight(CELLS, work, ranks)
    stacked = weights(train_networks(training, see, work.train.labels, seeds, work.device))
    for cell, found in zip(CELLS, stacked, strict=True):
        (expected,) = weights([alone(cell, work, ranks, training)])
        (start,) = weights([new_network(training, cell.seed(work.seed))])
        assert (expected - start).abs().max() > 1e-3
        # The gradients differ in their last digit at most, where one mean is taken for another.
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@pytest.mark.bitwise("a network takes the same steps in every stack")
def test_a_network_does_not_depend_on_its_stack(work: CellInputs, ranks: RankFiles) -> None:
    pairs: RankPairs = {("saliency", "signed"): ranks.read("saliency", "signed")}
    work = replace(work, training=replace(TRAINING, epochs=4, learning_rate=0.01))
    road = Cell("road-morf", "saliency", "signed", 0.3, 0)
    cells = [road, *CELLS]
    together = measure_cells(cells, work, pairs)
    for cell, found in zip(cells, together, strict=True):
        expected = measure_cell(cell, work, pairs.get((cell.method, cell.form)))
        assert found.tolist() == expected.tolist()
    assert len({tuple(found.tolist()) for found in together}) > 2


@pytest.mark.bitwise("a network takes the same steps in every stack")
@pytest.mark.parametrize("optimizer", ["sgd", "adamw", "rmsprop"])
def test_optimizers_of_other_recipes(work: CellInputs, ranks: RankFiles, optimizer: str) -> None:
    training = replace(TRAINING, optimizer=optimizer, weight_decay=0.1, epochs=1)
    labels, seeds = work.train.labels, [1, 2]
    see = sight(CELLS[:2], work, ranks)
    both = train_networks(training, see, labels, seeds, work.device)
    one = train_networks(training, sight(CELLS[1:2], work, ranks), labels, [2], work.device)
    assert torch.equal(weights(both)[1], weights(one)[0])


@pytest.mark.bitwise("the same steps from a buffer that is filled again")
def test_a_step_is_a_function_of_static_buffers(work: CellInputs, ranks: RankFiles) -> None:
    """As a CUDA graph needs it: the argument is always the same memory, filled again."""
    seeds = [cell.seed(work.seed) for cell in CELLS]
    expected = train_networks(
        replace(TRAINING, batch_size=10),
        sight(CELLS, work, ranks),
        work.train.labels,
        seeds,
        work.device,
    )
    stack = SideBySide([new_network(TRAINING, seed).train() for seed in seeds])
    step = training_step(TRAINING, stack, sight(CELLS, work, ranks), work.train.labels)
    orders = [torch.Generator().manual_seed(seed) for seed in seeds]
    buffer = torch.empty(len(CELLS), 10, dtype=torch.long)
    for _ in range(TRAINING.epochs):
        for batch in torch.stack([torch.randperm(20, generator=o) for o in orders]).split(10, 1):
            buffer.copy_(batch)
            step(buffer)
    for found, wanted in zip(weights(stack.networks()), weights(expected), strict=True):
        assert torch.equal(found, wanted)


def test_a_training_step_does_not_read_values_on_the_host(
    work: CellInputs, ranks: RankFiles
) -> None:
    """Tensors of the meta device have none, and PyTorch refuses to look."""
    see, meta = sight(CELLS, work, ranks), torch.device("meta")
    there = MaskedInputs(
        CELLS,
        see.images.to(meta),
        [None if table is None else table.to(meta) for table in see.ranks],
        see.colour.to(meta),
        see.seed,
    )
    # PyTorch's fused optimizers are not for this device.
    training = replace(TRAINING, optimizer="rmsprop")
    stack = SideBySide([new_network(training, seed).to(meta).train() for seed in range(4)])
    step = training_step(training, stack, there, work.train.labels.to(meta))
    step(torch.empty(4, 8, dtype=torch.long, device=meta))
    assert all(parameter.grad is not None for parameter in stack.parameters())


def test_a_stack_that_does_not_fit_is_halved(
    work: CellInputs, ranks: RankFiles, caplog: pytest.LogCaptureFixture
) -> None:
    pairs: RankPairs = {("saliency", "signed"): ranks.read("saliency", "signed")}

    def compute(part: slice) -> int:
        if part.stop - part.start > 2:
            torch.empty(2**58)  # more than any machine has: PyTorch's own error
        return len(measure_cells(CELLS[part], work, pairs))

    assert [found for _, found in in_batches(4, 4, compute, "networks")] == [2, 2]
    assert "continuing with batches of 2 networks" in caplog.text
