"""Adversarial perturbations for training and for measuring accuracy."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rectgrad_zoo.data.images import LabelledImages
from rectgrad_zoo.training.accuracy import Accuracy, measure_accuracy

# One of 255 levels in the input range [-1, 1].
_LEVEL = 2 / 255


@dataclass(frozen=True)
class Adversary:
    """Projected gradient ascent on the loss within a maximum-norm bound (Madry et al. 2018).

    In training, the attack starts at a random point within the bound. With a single step it is the
    fast gradient sign method (FGSM) of Wong et al. 2020. In measurements, it starts at the image.

    Attributes:
        epsilon: Bound on the change of every pixel and channel, in levels of 255.
        step: Step size in training, in levels.
        steps: Number of steps in training.
        test_step: Step size in measurements, in levels.
        test_steps: Number of steps in measurements.
    """

    epsilon: float
    step: float
    steps: int
    test_step: float
    test_steps: int


def training_attack(
    model: nn.Module, inputs: Tensor, labels: Tensor, adversary: Adversary
) -> Tensor:
    """Perturb a training batch. The start is drawn from PyTorch's global generator.

    Args:
        model: A classifier. Its parameters and their gradients do not change. In training mode
            every step updates the running statistics of batch-norm layers.
        inputs: Tensor of shape `(N, C, H, W)`, in [-1, 1].
        labels: Classes, of shape `(N,)`.
        adversary: Bound and steps.

    Returns:
        Perturbed tensor of the shape of `inputs`, in [-1, 1], within the bound.
    """
    bound = adversary.epsilon * _LEVEL
    start = inputs + torch.empty_like(inputs).uniform_(-bound, bound)
    return _ascend(model, inputs, start, labels, bound, adversary.step, adversary.steps)


def measure_adversarial_accuracy(
    model: nn.Module, data: LabelledImages, adversary: Adversary
) -> Accuracy:
    """Measure the accuracy on adversarially perturbed images; the attack is deterministic.

    Args:
        model: A classifier for inputs in [-1, 1]. Its mode is restored.
        data: Images and classes.
        adversary: Bound and steps.

    Returns:
        The accuracy on the perturbed images.
    """

    def perturb(inputs: Tensor, labels: Tensor) -> Tensor:
        bound = adversary.epsilon * _LEVEL
        return _ascend(
            model, inputs, inputs, labels, bound, adversary.test_step, adversary.test_steps
        )

    return measure_accuracy(model, data, perturb)


def _ascend(
    model: nn.Module,
    inputs: Tensor,
    start: Tensor,
    labels: Tensor,
    bound: float,
    levels: float,
    steps: int,
) -> Tensor:
    low, high = (inputs - bound).clamp(min=-1), (inputs + bound).clamp(max=1)
    moved = start.clamp(low, high)
    for _ in range(steps):
        moved.requires_grad_()
        loss = nn.functional.cross_entropy(model(moved), labels)
        (gradient,) = torch.autograd.grad(loss, moved)
        moved = (moved.detach() + levels * _LEVEL * gradient.sign()).clamp(low, high)
    return moved
