"""What the network of a cell sees, and that it learns from it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from captum_rectgrad.studies.compute.imputation import imputed
from captum_rectgrad.studies.compute.precision import Precision
from captum_rectgrad.studies.roar_kar.cell_inputs import CellInputs, _sight, measure_cell
from captum_rectgrad.studies.roar_kar.cells import Cell, Measure
from captum_rectgrad.studies.roar_kar.masked_inputs import MaskedInputs, rank_table
from captum_rectgrad.studies.roar_kar.ranks import RankFiles, Ranks
from captum_rectgrad.studies.roar_kar.stacked_training import train_networks
from captum_rectgrad.studies.roar_kar.training import Training, answers
from rectgrad_zoo.data.images import to_model_range

BATCH = torch.tensor([3, 0, 11])


def cell(measure: Measure, network: int = 0) -> Cell:
    return Cell(measure, "saliency", "signed", 0.3, network)


def see(cell: Cell, work: CellInputs, images: Tensor, ranks: Ranks | None, batch: Tensor) -> Tensor:
    """What the network of one cell sees."""
    tables = [None if ranks is None else rank_table(ranks, work.device)]
    (seen,) = MaskedInputs([cell], images, tables, work.colour, work.seed)(batch[None])
    return seen


@pytest.mark.parametrize("measure", ["roar", "kar", "mask", "road-morf", "road-lerf"])
def test_what_is_seen_against_loops(measure: Measure, work: CellInputs, ranks: RankFiles) -> None:
    numbers, _ = ranks.read("saliency", "signed")
    found = see(cell(measure), work, work.train.images, numbers, BATCH)
    for seen, image in zip(found, BATCH.tolist(), strict=True):
        order = np.argsort(numbers[image])
        gone = set((order[-307:] if measure in ("kar", "road-lerf") else order[:307]).tolist())
        whole = to_model_range(work.train.images[image : image + 1])[0]
        for pixel in range(1024):
            here = seen[:, pixel // 32, pixel % 32]
            if measure == "mask":
                assert here.tolist() == [-1 if pixel in gone else 1] * 3
            elif pixel not in gone:
                assert torch.equal(here, whole[:, pixel // 32, pixel % 32])
            elif measure in ("roar", "kar"):
                assert torch.equal(here, work.colour)
    if measure in ("road-morf", "road-lerf"):
        where = torch.from_numpy(numbers[BATCH.numpy()].astype(np.int64))
        lost = where >= 1024 - 307 if measure == "road-lerf" else where < 307
        whole = to_model_range(work.train.images[BATCH])
        smooth = imputed(whole, lost, seed=0, noise=0)
        assert 0.005 < (found - smooth).abs().max() < 0.1  # the noise


def test_whole_images_are_seen_whole(work: CellInputs) -> None:
    found = see(Cell("whole", "", "signed", 0, 0), work, work.test.images, None, BATCH)
    assert torch.equal(found, to_model_range(work.test.images[BATCH]))


@pytest.mark.parametrize("measure", ["roar", "kar", "mask"])
def test_images_are_masked_by_the_ranks_of_their_own_split(
    measure: Measure, work: CellInputs, ranks: RankFiles
) -> None:
    wanted, (train, _) = cell(measure), ranks.read("saliency", "signed")
    test = 1023 - train  # the most important pixels of a training image are a test image's least
    pairs = {(wanted.method, wanted.form): (train, test)}
    in_training = _sight([wanted], work, work.train.images, pairs, of_test=False)
    in_test = _sight([wanted], work, work.test.images, pairs, of_test=True)
    assert torch.equal(
        in_training(BATCH[None])[0], see(wanted, work, work.train.images, train, BATCH)
    )
    assert torch.equal(in_test(BATCH[None])[0], see(wanted, work, work.test.images, test, BATCH))


def test_road_asks_the_network_that_is_explained(work: CellInputs, ranks: RankFiles) -> None:
    wanted = cell("road-morf")
    _, numbers = ranks.read("saliency", "signed")
    seen = [
        see(wanted, work, work.test.images, numbers, batch) for batch in torch.arange(20).split(7)
    ]
    with torch.no_grad():
        expected = work.model(torch.cat(seen)).argmax(dim=1) == work.test.labels
    found = measure_cell(wanted, work, ranks.read("saliency", "signed"))
    assert found.tolist() == expected.tolist()


class Remembering(nn.Module):
    """A network that keeps the images it is asked about."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Tensor] = []

    def forward(self, images: Tensor) -> Tensor:
        self.asked.append(images)
        return torch.zeros(len(images), 10)


def test_road_masks_test_images_by_their_own_ranks(work: CellInputs, ranks: RankFiles) -> None:
    wanted, (train, _) = cell("road-morf"), ranks.read("saliency", "signed")
    test, model = 1023 - train, Remembering()
    measure_cell(wanted, replace(work, model=model), (train, test))
    batches = torch.arange(20).split(7)
    expected = [see(wanted, work, work.test.images, test, batch) for batch in batches]
    assert torch.equal(torch.cat(model.asked), torch.cat(expected))


@pytest.mark.bitwise("the network of the cell is trained once more by the same steps")
def test_a_cell_is_trained_on_what_it_sees_and_measured_on_the_test_images(
    work: CellInputs, ranks: RankFiles
) -> None:
    wanted, numbers = cell("kar"), ranks.read("saliency", "signed")
    whole = torch.arange(20)
    train = see(wanted, work, work.train.images, numbers[0], whole)
    test = see(wanted, work, work.test.images, numbers[1], whole)
    training = replace(work.training, epochs=5, learning_rate=0.01)
    (model,) = train_networks(
        training, lambda batch: train[batch], work.train.labels, [wanted.seed(0)], work.device
    )
    expected = answers(model, lambda batch: test[batch], work.test.labels, work.batch_size)
    found = measure_cell(wanted, replace(work, training=training), numbers)
    assert found.tolist() == expected.tolist()
    other = measure_cell(cell("kar", 1), replace(work, training=training), numbers)
    assert found.tolist() != other.tolist()


TRAINING = Training(
    "cifar10_cnn", 10, "adam", 0.001, 0.0, batch_size=20, epochs=6, precision="float32"
)


def test_masks_that_carry_the_label_are_leakage_that_is_found(work: CellInputs) -> None:
    """Ranks that put a block of the class's own first: the mask alone says the label."""
    labels = torch.arange(100) % 10
    images = torch.zeros(100, 3, 32, 32, dtype=torch.uint8)
    numbers = np.tile(np.arange(1024, dtype=np.uint16), (100, 1))
    for image, label in enumerate(labels.tolist()):
        numbers[image] = np.roll(numbers[image], label * 102)
    data = replace(work.train, images=images, labels=labels)
    telling = replace(work, train=data, test=data, training=TRAINING)
    alone = Cell("mask", "saliency", "signed", 0.1, 0)
    assert measure_cell(alone, telling, (numbers, numbers)).mean() > 0.9
    # The same places for every class say nothing.
    silent = np.tile(np.arange(1024, dtype=np.uint16), (100, 1))
    telling = replace(telling, training=replace(TRAINING, epochs=1))
    assert measure_cell(alone, telling, (silent, silent)).mean() == 0.1


@pytest.mark.bitwise("the same seed gives the same weights")
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_training_depends_on_its_seed_alone(work: CellInputs, precision: Precision) -> None:
    def weights(seed: int) -> torch.Tensor:
        (model,) = train_networks(
            replace(work.training, precision=precision),
            lambda batch: to_model_range(work.train.images[batch]),
            work.train.labels,
            [seed],
            work.device,
        )
        return torch.cat([parameter.flatten() for parameter in model.parameters()]).detach()

    torch.manual_seed(5)
    first = weights(1)
    drawn = torch.rand(1)
    torch.manual_seed(6)
    assert torch.equal(first, weights(1))
    assert not torch.equal(first, weights(2))
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(1))  # nothing was drawn from the caller's generator
