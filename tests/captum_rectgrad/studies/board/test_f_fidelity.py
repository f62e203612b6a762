"""F-Fidelity by hand, on a network that one pixel decides."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from captum_rectgrad.studies.board.f_fidelity import (
    COLUMNS,
    fidelity,
    fine_tuned,
    random_pixels,
    robust_network,
)
from captum_rectgrad.studies.board.networks import TrainingImages
from tests.support.board import SIZES, Linear, explained, network, own

WEIGHTS = torch.zeros(2, 64)
WEIGHTS[0, 9] = 4
MODEL = Linear(WEIGHTS).eval()
DECIDED = network(MODEL, torch.ones(10, 1, 8, 8))
FALL = float(torch.tensor(4.0).sigmoid()) - 0.5


def test_random_pixels_are_of_the_allowed_ones() -> None:
    allowed = torch.arange(64).expand(5, 64) < 20
    drawn = random_pixels(allowed, 6, 1)
    assert drawn.sum(dim=1).tolist() == [6] * 5
    assert not (drawn & ~allowed).any()
    assert len({tuple(row) for row in drawn.tolist()}) > 1
    assert torch.equal(random_pixels(allowed, 99, 1), allowed)


def test_fidelity_by_hand() -> None:
    # An explanation of 8 pixels loses 4 of them: the decisive one every second time. Of the other
    # 56 pixels 6 are removed (a tenth of 64), and none of them matters.
    sizes = replace(SIZES, fractions=(0.125,), draws=400)
    found = explained("gradient-input", DECIDED, sizes, robust=MODEL)
    assert float(fidelity(found, inside=True).mean()) == pytest.approx(FALL / 2, rel=0.05)
    assert (fidelity(found, inside=False) == 0).all()
    # The decisive pixel last: 6 of 56 pixels are removed.
    swapped = own(lambda _, x, __: -(torch.arange(64.0) == 9).view(1, 1, 8, 8).expand_as(x).float())
    worst = explained(swapped, DECIDED, sizes, robust=MODEL)
    assert (fidelity(worst, inside=True) == 0).all()
    assert float(fidelity(worst, inside=False).mean()) == pytest.approx(FALL * 6 / 56, rel=0.1)


def test_fine_tuning_adapts_a_copy_to_removed_pixels(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (256, 1, 8, 8), dtype=torch.uint8, generator=generator)
    labels = (images[:, 0, 0, 0] > 127).long()
    training = TrainingImages(images, labels, lambda pixels: pixels.float() / 127.5 - 1)
    before = MODEL.layer.weight.clone()
    tuned = fine_tuned(MODEL, training, 256, seed=0)
    assert torch.equal(MODEL.layer.weight, before)
    moved = next(iter(tuned.state_dict().values())) - before
    assert moved[1, 0] > 0 > moved[0, 0]
    made = replace(DECIDED, training=training)
    file = tmp_path / "weights" / "tiny.safetensors"
    first, again = (robust_network(made, 256, 0, file) for _ in range(2))
    assert first is not None
    assert again is not None
    for one, other in zip(first.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)
    assert torch.equal(next(first.parameters()), next(tuned.parameters()))


class Watched(nn.Module):
    """Keeps the images that it has seen."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.seen = nn.Linear(64, 2), list[Tensor]()

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(x)
        return self.layer(x.flatten(1))


def test_fine_tuning_removes_up_to_a_tenth_of_the_pixels_of_each_image() -> None:
    white = torch.full((512, 1, 8, 8), 255, dtype=torch.uint8)
    training = TrainingImages(white, torch.zeros(512, dtype=torch.int64), lambda x: x / 255)
    tuned = fine_tuned(Watched(), training, 512, seed=0)
    assert isinstance(tuned, Watched)
    removed = (torch.cat(tuned.seen) == 0).flatten(1)
    # The share of an image is uniform from 0 to 0.1.
    assert float(removed.float().mean()) == pytest.approx(0.05, rel=0.1)
    assert removed.sum(dim=1).max() < 0.25 * 64
    assert removed.any(dim=0).all()


def test_without_training_images_the_columns_have_a_reason(tmp_path: Path) -> None:
    assert all("no training images" in (column.lacks(DECIDED) or "") for column in COLUMNS)
    assert robust_network(DECIDED, 8, 0, tmp_path / "x") is None
    with pytest.raises(ValueError, match="needs a fine-tuned network"):
        fidelity(explained("saliency", DECIDED), inside=True)
