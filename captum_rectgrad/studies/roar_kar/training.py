"""Training one network on images that are made as they are needed, and what it then gets right."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import timm
import torch
from numpy.typing import NDArray
from timm.optim import create_optimizer_v2  # type: ignore[attr-defined]
from torch import Tensor, nn

from captum_rectgrad.studies.batches import in_batches
from captum_rectgrad.studies.precision import Precision
from rectgrad_zoo.recipes import Recipe
from rectgrad_zoo.training import deterministic

# From indices of images `(B,)`, int64, to the inputs of a network, on its device.
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


def train_network(
    training: Training, see: See, labels: Tensor, seed: int, device: torch.device
) -> nn.Module:
    """Train a network.

    Args:
        training: how.
        see: the training images.
        labels: their classes, `(N,)`, int64.
        seed: of the weights and the order of the images; what is drawn elsewhere stays as it was.
        device: where. The same seed gives the same weights on one device with as many threads.

    Returns:
        The network, in eval mode.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: nn.Module = timm.create_model(training.architecture, num_classes=training.classes)
    model = model.to(memory_format=torch.channels_last).to(device).train()
    optimizer = create_optimizer_v2(
        model,
        opt=training.optimizer,
        lr=training.learning_rate,
        weight_decay=training.weight_decay,
    )
    half = training.precision == "bfloat16"
    order, labels = torch.Generator().manual_seed(seed), labels.to(device)
    with deterministic(device):
        for _ in range(training.epochs):
            shuffled = torch.randperm(len(labels), generator=order)
            for start in range(0, len(labels), training.batch_size):
                batch = shuffled[start : start + training.batch_size]
                inputs = see(batch).contiguous(memory_format=torch.channels_last)
                with torch.autocast(device.type, torch.bfloat16, enabled=half):
                    logits = model(inputs)
                loss = nn.functional.cross_entropy(logits.float(), labels[batch.to(device)])
                optimizer.zero_grad()
                torch.autograd.backward(loss)
                optimizer.step()
    return model.eval()


def answers(model: nn.Module, see: See, labels: Tensor, batch_size: int) -> Answers:
    """Which images a network gets right.

    Args:
        model: in eval mode.
        see: the images.
        labels: their classes, `(N,)`, int64.
        batch_size: images in memory; halved where it runs out.

    Returns:
        `(N,)`.
    """

    def compute(batch: slice) -> Tensor:
        with torch.inference_mode():
            classes: Tensor = model(see(torch.arange(batch.start, batch.stop))).argmax(dim=1)
        return classes.cpu() == labels[batch].cpu()

    right = torch.cat([found for _, found in in_batches(len(labels), batch_size, compute)])
    return np.asarray(right.numpy(), dtype=np.bool_)
