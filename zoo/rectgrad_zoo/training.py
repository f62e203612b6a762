"""Training a network from a recipe, the same bytes every time on one machine and device."""

import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import timm
import torch
from torch import Tensor, nn
from tqdm import tqdm

from rectgrad_zoo.accuracy import Accuracy, measure_accuracy
from rectgrad_zoo.data import CIFAR10_CLASSES, LabelledImages, split_validation, to_model_range
from rectgrad_zoo.occlusion import occluded
from rectgrad_zoo.recipes import Recipe


@dataclass(frozen=True)
class Epoch:
    """What one pass over the training images came to.

    Attributes:
        train_loss: Mean cross-entropy of the training images, in nats, during the pass.
        validation: Accuracy on the validation images after it.
    """

    train_loss: float
    validation: Accuracy


@dataclass(frozen=True)
class TrainingRun:
    """A finished training.

    Attributes:
        weights: State dict of the kept epoch, float32, on the CPU.
        epochs: Every epoch, in order.
        kept_epoch: Which epoch's weights these are, counted from 1.
    """

    weights: dict[str, Tensor]
    epochs: tuple[Epoch, ...]
    kept_epoch: int


def train(recipe: Recipe, data: LabelledImages, device: torch.device) -> TrainingRun:
    """Train a network as a recipe says, showing a progress bar.

    Args:
        recipe: The recipe.
        data: The whole training set, without occlusion; the recipe's validation split is taken from
            it, and its patch put on it.
        device: Where to train. Repeating a recipe gives the same weights on one device with the
            same number of threads, not across devices.

    Returns:
        The weights of the kept epoch, and the course of the training.

    Raises:
        ValueError: If the validation split leaves no images to train on.
    """
    settings = recipe.training
    training, validation = split_validation(
        occluded(data, recipe.occlusion), recipe.data.validation_size, recipe.data.validation_seed
    )
    with _deterministic(device):
        model = _initial_model(recipe).to(memory_format=torch.channels_last).to(device)
        optimizer = torch.optim.Adam(model.parameters(), lr=settings.learning_rate)
        order = torch.Generator().manual_seed(settings.seed)
        training = LabelledImages(training.images.to(device), training.labels.to(device))
        epochs: list[Epoch] = []
        best, kept_epoch, weights = -1, 0, dict[str, Tensor]()
        steps = settings.epochs * math.ceil(len(training) / settings.batch_size)
        # disable=None: no bar where there is no terminal.
        with tqdm(total=steps, desc=recipe.name, unit="step", disable=None) as progress:
            for number in range(1, settings.epochs + 1):
                shuffled = torch.randperm(len(training), generator=order)
                batches = [
                    shuffled[start : start + settings.batch_size]
                    for start in range(0, len(training), settings.batch_size)
                ]
                loss = _train_epoch(model, optimizer, training, batches, progress.update)
                measured = measure_accuracy(model, validation)
                epochs.append(Epoch(loss, measured))
                if measured.correct > best:
                    best, kept_epoch, weights = measured.correct, number, _copy_of_weights(model)
                progress.set_postfix(
                    epoch=number, validation=f"{measured.value:.2%}", kept=kept_epoch
                )
    return TrainingRun(weights, tuple(epochs), kept_epoch)


def _train_epoch(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    data: LabelledImages,
    batches: list[Tensor],
    advance: Callable[[], object],
) -> float:
    model.train()
    total = 0.0
    for batch in batches:
        chosen = batch.to(data.labels.device)
        inputs = to_model_range(data.images[chosen]).contiguous(memory_format=torch.channels_last)
        loss = nn.functional.cross_entropy(model(inputs), data.labels[chosen])
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        total += float(loss.detach()) * len(batch)
        advance()
    return total / len(data)


def _initial_model(recipe: Recipe) -> nn.Module:
    """Build the network with weights that depend on the recipe's seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.training.seed)
        return timm.create_model(recipe.architecture, num_classes=len(CIFAR10_CLASSES))


def _copy_of_weights(model: nn.Module) -> dict[str, Tensor]:
    return {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in model.state_dict().items()
    }


@contextmanager
def _deterministic(device: torch.device) -> Iterator[None]:
    """Refuse algorithms whose result depends on timing, for as long as the context lasts."""
    if device.type == "cuda":  # cuBLAS reads this when it starts, and refuses without it
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    enabled = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(mode=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(enabled, warn_only=warn_only)
