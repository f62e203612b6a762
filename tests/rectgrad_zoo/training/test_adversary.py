import pytest
import torch
from torch import Tensor, nn

from rectgrad_zoo.data.images import LabelledImages
from rectgrad_zoo.training.accuracy import Accuracy, measure_accuracy
from rectgrad_zoo.training.adversary import Adversary, measure_adversarial_accuracy, training_attack

LEVEL = 2 / 255  # of inputs in [-1, 1]


class Darkness(nn.Module):
    """Two logits: how dark and how bright the first channel is."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        mean = x[:, 0].mean(dim=(1, 2)) * self.scale
        return torch.stack([-mean, mean], dim=1)


def grey(*levels: int) -> LabelledImages:
    """Images of one grey each, labelled 1 where brighter than the middle."""
    images = torch.tensor(levels, dtype=torch.uint8).reshape(-1, 1, 1, 1).expand(-1, 3, 4, 4)
    return LabelledImages(images.clone(), (torch.tensor(levels) > 127).long())


@pytest.mark.parametrize(("test_steps", "right"), [(1, 4), (4, 2), (40, 2)])
def test_right_answers_are_those_too_far_from_the_border_for_the_attack(
    test_steps: int, right: int
) -> None:
    # 127.5 is the border. 125 and 130 are 2.5 levels away, 119 and 136 are 8.5: out of reach of 8.
    adversary = Adversary(epsilon=8, step=8, steps=1, test_step=2, test_steps=test_steps)
    model, data = Darkness(), grey(125, 130, 119, 136)
    assert measure_accuracy(model, data) == Accuracy(4, 4)
    assert measure_adversarial_accuracy(model, data, adversary) == Accuracy(right, 4)
    assert model.scale.grad is None
    assert model.training


@pytest.mark.parametrize("steps", [1, 3])
def test_training_images_go_up_the_loss_within_the_bound_and_the_range(steps: int) -> None:
    adversary = Adversary(epsilon=8, step=10, steps=steps, test_step=1, test_steps=1)
    model = Darkness()
    inputs = torch.linspace(-1, 1, 60).reshape(5, 3, 2, 2)
    labels = torch.tensor([0, 1, 0, 1, 1])
    before = inputs.clone()
    changed = training_attack(model, inputs, labels, adversary)
    assert torch.equal(inputs, before)
    assert float((changed - inputs).abs().max()) <= 8 * LEVEL + 1e-6
    assert float(changed.abs().max()) <= 1
    # The loss falls with brightness for class 1: the attack darkens; and it brightens class 0.
    direction = torch.where(labels == 0, 1.0, -1.0).reshape(-1, 1, 1)
    # From anywhere within 8 levels, a step of 10 ends at least 2 levels on the attack's side.
    moved = (changed - inputs)[:, 0] * direction
    inside = inputs[:, 0].abs() < 1 - 8 * LEVEL
    assert bool((moved[inside] >= 2 * LEVEL - 1e-6).all())
    assert not changed.requires_grad


def test_the_start_is_random_and_follows_the_generator() -> None:
    adversary = Adversary(epsilon=8, step=1, steps=1, test_step=1, test_steps=1)
    inputs, labels = torch.zeros(4, 3, 2, 2), torch.zeros(4, dtype=torch.int64)

    def attack(seed: int) -> Tensor:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return training_attack(Darkness(), inputs, labels, adversary)

    assert torch.equal(attack(0), attack(0))
    assert not torch.equal(attack(0), attack(1))
