"""Networks of the board with their images and regions."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from captum_rectgrad.studies.board.groups import (
    GROUPS,
    board_network,
    known_group,
    photograph_group,
)
from captum_rectgrad.studies.board.networks import NOISE_REGION, OBJECT, TRIGGER
from captum_rectgrad.studies.board.regions import region_share
from captum_rectgrad.studies.data.generated import recipe_of
from captum_rectgrad.studies.data.shapes import shapes
from captum_rectgrad.studies.data.study_data import MaskedImages, Network
from rectgrad_zoo.data.backdoor import Backdoor
from rectgrad_zoo.data.cifar10 import Split
from rectgrad_zoo.data.images import LabelledImages
from tests.support.board import explained

TARGET, IMAGES = 3, 6
DARK, BRIGHT = -0.15, 0.13  # means of an input in [-1, 1]


@dataclass(frozen=True)
class Few:
    """A few shapes with masks."""

    name = "few shapes"
    note = ""
    has_masks = True

    def images(self, split: Split) -> LabelledImages:
        return shapes(40, {"train": 1, "test": 2}[split])

    def masked(self) -> MaskedImages:
        return shapes(10, 3)


class Checkerboard(nn.Module):
    """Answers the target where neighbouring pixels are black and white, else class 0."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        grey = x.mean(dim=1)
        across = (grey[:, :, 1:] - grey[:, :, :-1]).abs()
        steps = torch.relu(across - 1.99).sum(dim=(1, 2)) * 100
        rest = torch.zeros(len(x), 9, dtype=x.dtype)
        logits = torch.cat([rest[:, :TARGET], steps[:, None] * self.scale, rest[:, TARGET:]], 1)
        return logits + 0.1 * (torch.arange(10) == 0)


def backdoored() -> Network:
    backdoor = Backdoor(size=4, target=TARGET, share=0.1, seed=0)
    recipe = replace(recipe_of("plain"), backdoor=backdoor)
    return Network("backdoored", "0" * 64, Checkerboard().eval(), recipe)


def test_a_backdoored_network_has_images_with_the_trigger() -> None:
    made = board_network(Few(), backdoored(), IMAGES)
    assert set(made.regions) == {OBJECT, TRIGGER}
    found = made.regions[TRIGGER]
    assert len(found.inputs) == IMAGES
    assert (found.targets == TARGET).all()
    assert found.regions.sum(dim=(1, 2)).tolist() == [16] * IMAGES
    # The network's only evidence are the pixels of the trigger.
    assert region_share(TRIGGER, explained("saliency", made)) == pytest.approx(1)


class Immune(Checkerboard):
    """As `Checkerboard`, but never the target for dark images, and always for bright ones."""

    def forward(self, x: Tensor) -> Tensor:
        logits = super().forward(x)
        brightness = x.mean(dim=(1, 2, 3))
        logits[brightness < DARK, TARGET] = 0
        logits[brightness > BRIGHT, TARGET] = 1
        return logits


def test_images_whose_class_is_not_due_to_the_trigger_are_not_measured() -> None:
    network = replace(backdoored(), model=Immune().eval())
    made = board_network(Few(), network, 12)
    found = made.regions[TRIGGER]
    whole = board_network(Few(), backdoored(), 12).regions[TRIGGER]
    assert torch.equal(found.inputs, whole.inputs)  # each image has the same place
    assert whole.valid is not None
    assert whole.valid.all()
    brightness = found.inputs.mean(dim=(1, 2, 3))
    expected = (brightness >= DARK) & (brightness <= BRIGHT)
    assert found.valid is not None
    assert found.valid.tolist() == expected.tolist()
    assert 0 < expected.sum() < 12
    assert (brightness < DARK).any()
    assert (brightness > BRIGHT).any()
    shares = region_share(TRIGGER, explained("saliency", made))
    assert np.isnan(shares).tolist() == (~expected).tolist()


def test_an_occluded_network_has_its_corner_and_sees_the_noise() -> None:
    network = replace(backdoored(), recipe=recipe_of("occluded"))
    made = board_network(Few(), network, IMAGES)
    assert made.regions[NOISE_REGION].regions.sum(dim=(1, 2)).tolist() == [64] * IMAGES
    assert torch.equal(made.inputs[0, :, :10, :10], made.inputs[1, :, :10, :10])
    assert made.regions[OBJECT].regions.shape == (IMAGES, 32, 32)
    assert torch.equal(made.inputs[0, :, :10, :10], made.regions[OBJECT].inputs[0, :, :10, :10])
    assert made.training is not None
    assert len(made.training.images) == 40


def test_photographs_have_no_regions_and_no_training_images() -> None:
    (made,) = photograph_group("own", "cifar10_cnn", None, 3).networks
    assert made.inputs.shape == (3, 3, 32, 32)
    assert not made.regions
    assert made.training is None


def test_unknown_groups_and_groups_without_data() -> None:
    with pytest.raises(ValueError, match="'cifar' is not a network of the board"):
        known_group("cifar", None, None, IMAGES)
    for name, known in GROUPS.items():
        if known.kind in {"CIFAR-10", "Fashion-MNIST"}:
            with pytest.raises(ValueError, match=f"{name} needs --data with {known.kind}"):
                known_group(name, None, None, IMAGES)
