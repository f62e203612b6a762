"""How networks are trained, on images made as they are needed, and what they then get right."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from captum_rectgrad.studies.compute.batches import in_batches
from captum_rectgrad.studies.compute.precision import Precision
from rectgrad_zoo.training.recipes import Recipe

# From indices of images, `(K, B)`, int64, a row for each of several networks, to what these see,
# `(K, B, C, H, W)`, on their device.
See = Callable[[Tensor], Tensor]
Answers = NDArray[np.bool_]


@dataclass(frozen=True)
class Training:
    """How a network is trained: for so many epochs, the last of which counts.

    The paper tells of no validation images: all training images are trained on.

    Attributes:
        architecture: a timm architecture.
        classes: number of logits.
        optimizer: a timm optimizer.
        learning_rate: constant.
        weight_decay: on the weights, not on biases.
        batch_size: images a step.
        epochs: passes over the training images.
        precision: what convolutions and dense layers compute in.
    """

    architecture: str
    classes: int
    optimizer: str
    learning_rate: float
    weight_decay: float
    batch_size: int
    epochs: int
    precision: Precision


def training_of(recipe: Recipe, classes: int, epochs: int, precision: Precision) -> Training:
    """The training of a recipe's network, for another number of epochs.

    Args:
        recipe: whose architecture, optimizer, step size and batches are taken.
        classes: number of logits.
        epochs: passes over the training images.
        precision: what convolutions and dense layers compute in.

    Returns:
        The training.
    """
    settings = recipe.training
    return Training(
        architecture=recipe.architecture,
        classes=classes,
        optimizer=settings.optimizer,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        batch_size=settings.batch_size,
        epochs=epochs,
        precision=precision,
    )


def answers(model: nn.Module, see: See, labels: Tensor, batch_size: int) -> Answers:
    """Which images a network gets right.

    Args:
        model: in eval mode.
        see: the images, as this one network sees them.
        labels: their classes, `(N,)`, int64.
        batch_size: images in memory; halved where it runs out.

    Returns:
        `(N,)`.
    """

    def compute(batch: slice) -> Tensor:
        with torch.inference_mode():
            (inputs,) = see(torch.arange(batch.start, batch.stop)[None])
            classes: Tensor = model(inputs).argmax(dim=1)
        return classes.cpu() == labels[batch].cpu()

    right = torch.cat([found for _, found in in_batches(len(labels), batch_size, compute)])
    return np.asarray(right.numpy(), dtype=np.bool_)
