"""Training of networks on images computed per batch, and their evaluation."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from captum_rectgrad.studies.compute.batches import in_batches
from captum_rectgrad.studies.compute.precision import Precision
from rectgrad_zoo.training.recipes import Recipe

# Takes indices of images, `(K, B)`, int64, a row for each network; returns the networks' inputs,
# `(K, B, C, H, W)`, on their device.
See = Callable[[Tensor], Tensor]
Answers = NDArray[np.bool_]


@dataclass(frozen=True)
class Training:
    """Options of a training with a fixed number of epochs; the last epoch is used.

    The paper has no validation images, so all training images are used.

    Attributes:
        architecture: a timm architecture.
        classes: number of logits.
        optimizer: a timm optimizer.
        learning_rate: constant.
        weight_decay: on the weights, not on biases.
        batch_size: images per step.
        epochs: passes over the training images.
        precision: precision of convolutions and dense layers.
        shuffle: whether every epoch has the images in another random order.
    """

    architecture: str
    classes: int
    optimizer: str
    learning_rate: float
    weight_decay: float
    batch_size: int
    epochs: int
    precision: Precision
    shuffle: bool = True


def training_of(recipe: Recipe, classes: int, epochs: int, precision: Precision) -> Training:
    """The training of a recipe's network, with a different number of epochs.

    Args:
        recipe: recipe of the architecture, optimizer, learning rate, batch size and order.
        classes: number of logits.
        epochs: passes over the training images.
        precision: precision of convolutions and dense layers.

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
        shuffle=settings.shuffle,
    )


def answers(model: nn.Module, see: See, labels: Tensor, batch_size: int) -> Answers:
    """Whether a network classifies images correctly.

    Args:
        model: in eval mode.
        see: the images, as this network sees them.
        labels: their classes, `(N,)`, int64.
        batch_size: batch size, halved after an out-of-memory error.

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
