"""Images changed within a small bound so that the network errs, to train on and to measure with."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rectgrad_zoo.data.images import LabelledImages
from rectgrad_zoo.training.accuracy import Accuracy, measure_accuracy

# Inputs are in [-1, 1]: a level of the 255 between black and white is this much.
_LEVEL = 2 / 255


@dataclass(frozen=True)
class Adversary:
    """A projected gradient ascent of the loss within a maximum norm (Madry et al. 2018).

    Training starts at a random point within the bound; with a single step it is the fast gradient
    sign method (FGSM) of Wong et al. 2020. Measuring starts at the image itself.

    Attributes:
        epsilon: Bound on the change of every pixel and channel, in levels: 255 is from black to
            white.
        step: Length of a step of training, in levels.
        steps: Number of steps of training.
        test_step: Length of a step of measuring, in levels.
        test_steps: Number of steps of measuring.
    """

    epsilon: float
    step: float
    steps: int
    test_step: float
    test_steps: int


def training_attack(
    model: nn.Module, inputs: Tensor, labels: Tensor, adversary: Adversary
) -> Tensor:
    """Change a batch for training; the start is drawn from PyTorch's global generator.

    Args:
        model: A classifier; its parameters and their gradients are not touched. In train mode every
            step moves the running statistics of its batch-norm layers, as any pass does.
        inputs: Tensor of shape `(N, C, H, W)`, in [-1, 1].
        labels: Classes, of shape `(N,)`.
        adversary: Bound and steps.

    Returns:
        Tensor like `inputs`, in [-1, 1], no further from them than the bound.
    """
    bound = adversary.epsilon * _LEVEL
    start = inputs + torch.empty_like(inputs).uniform_(-bound, bound)
    return _ascend(model, inputs, start, labels, bound, adversary.step, adversary.steps)


def measure_adversarial_accuracy(
    model: nn.Module, data: LabelledImages, adversary: Adversary
) -> Accuracy:
    """Count right answers on images that are changed against the network; no chance is involved.

    Args:
        model: A CIFAR-10 classifier for inputs in [-1, 1]; its mode is as before afterwards.
        data: Images and classes.
        adversary: Bound and steps.

    Returns:
        How many of the changed images the network gets right.
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
