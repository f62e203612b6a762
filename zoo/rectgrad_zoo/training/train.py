"""Deterministic training of a network from a recipe."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import timm
import torch
from timm.optim import create_optimizer_v2  # type: ignore[attr-defined]
from timm.scheduler.scheduler import Scheduler
from timm.scheduler.scheduler_factory import create_scheduler_v2
from torch import Tensor, nn
from tqdm import tqdm

from rectgrad_zoo.data.augmentation import augmented
from rectgrad_zoo.data.backdoor import poisoned
from rectgrad_zoo.data.images import LabelledImages, split_validation, to_model_range
from rectgrad_zoo.data.occlusion import occluded
from rectgrad_zoo.data.random_labels import relabelled
from rectgrad_zoo.determinism import deterministic
from rectgrad_zoo.training.accuracy import measure_accuracy
from rectgrad_zoo.training.adversary import measure_adversarial_accuracy, training_attack
from rectgrad_zoo.training.recipes import BEST_ADVERSARIAL, BEST_VALIDATION, Recipe
from rectgrad_zoo.training.state import Course, Epoch, StateFile
from rectgrad_zoo.weight_values import check_finite


@dataclass(frozen=True)
class TrainingRun:
    """A finished training.

    Attributes:
        weights: State dict of the kept epoch, float32, on the CPU.
        epochs: Results of all epochs, in order.
        kept_epoch: Epoch of the weights, from 1; 0 for an untrained network.
    """

    weights: dict[str, Tensor]
    epochs: tuple[Epoch, ...]
    kept_epoch: int


def train(
    recipe: Recipe,
    data: LabelledImages,
    device: torch.device,
    state: StateFile | None = None,
    num_classes: int | None = None,
) -> TrainingRun:
    """Train a network from a recipe, with a progress bar.

    Args:
        recipe: The recipe.
        data: The whole training set, with true labels and without occlusion. The labels,
            validation split, augmentation, occlusion and backdoor of the recipe are applied to it.
        device: Device of the training. A recipe gives the same weights on one device with the same
            number of threads. Results differ between devices.
        state: File for the state after every epoch. A training with an existing file is resumed
            and gives the same weights as without the interruption.
        num_classes: Number of classes; by default that of the recipe's data set.

    Returns:
        The weights of the kept epoch and the results of all epochs.

    Raises:
        ValueError: If the validation split leaves no training images.
        ZooError: If the state file belongs to another training, or the training diverges.
    """
    settings = recipe.training
    training, validation = split_training(data, recipe)
    seen = occluded(validation, recipe.occlusion)
    steps = math.ceil(len(training) / settings.batch_size)
    with deterministic(device):
        course = _begin(recipe, num_classes or len(recipe.data_set.classes), device)
        if state is not None:
            state.restore(course)
        scheduler = _scheduler(recipe, course.optimizer, steps)
        begun = len(course.epochs)
        # disable=None: a progress bar on a terminal only.
        with tqdm(
            total=settings.epochs * steps,
            initial=begun * steps,
            desc=recipe.name,
            unit="step",
            disable=None,
        ) as progress:
            for number, batches in enumerate(_orders(recipe, len(training)), start=1):
                if number <= begun:
                    continue
                with _seeded(settings.seed, number, device):
                    images = _images_of_epoch(recipe, training, number, device)
                    loss = _train_epoch(recipe, course, scheduler, images, batches, progress.update)
                check_finite(
                    {"the loss": torch.tensor(loss), **course.model.state_dict()},
                    f"{recipe.name}, in epoch {number},",
                )
                course.epochs.append(_measured(recipe, course.model, loss, seen))
                if _is_to_keep(course.epochs, settings.keep):
                    course.kept_epoch, course.weights = number, _copy_of_weights(course.model)
                if state is not None:
                    state.save(course)
                measured = course.epochs[-1].validation
                progress.set_postfix(
                    epoch=number,
                    validation=f"{measured.value:.2%}" if measured else "none",
                    kept=course.kept_epoch,
                )
    return TrainingRun(course.weights, tuple(course.epochs), course.kept_epoch)


def split_training(data: LabelledImages, recipe: Recipe) -> tuple[LabelledImages, LabelledImages]:
    """Split a training set into the training and validation images of a recipe.

    Args:
        data: The whole training set, with true labels.
        recipe: The recipe.

    Returns:
        The training images and the validation images, with the recipe's labels, without
        augmentation, occlusion and backdoor.

    Raises:
        ValueError: If the validation split leaves no training images.
    """
    labelled = relabelled(data, recipe.random_labels)
    return split_validation(labelled, recipe.data.validation_size, recipe.data.validation_seed)


def _begin(recipe: Recipe, num_classes: int, device: torch.device) -> Course:
    """Build the network with initial weights that depend on the recipe's seed only."""
    settings = recipe.training
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(settings.seed)
        model = timm.create_model(recipe.architecture, num_classes=num_classes)
    model = model.to(memory_format=torch.channels_last).to(device)
    optimizer = create_optimizer_v2(
        model,
        opt=settings.optimizer,
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
    )
    return Course(model, optimizer, _copy_of_weights(model))


def _scheduler(
    recipe: Recipe, optimizer: torch.optim.Optimizer, steps_per_epoch: int
) -> Scheduler | None:
    """The learning rate as a function of the step number, without state."""
    settings = recipe.training
    if settings.schedule == "constant":
        return None
    scheduler: Scheduler
    scheduler, _ = create_scheduler_v2(
        optimizer,
        sched=settings.schedule,
        num_epochs=settings.epochs,
        warmup_epochs=settings.warmup_epochs,
        warmup_lr=0.0,
        warmup_prefix=False,
        step_on_epochs=False,
        updates_per_epoch=steps_per_epoch,
    )
    return scheduler


def _orders(recipe: Recipe, count: int) -> Iterator[list[Tensor]]:
    """For each epoch, the indices of its batches."""
    size = recipe.training.batch_size
    generator = torch.Generator().manual_seed(recipe.training.seed)
    for _ in range(recipe.training.epochs):
        shuffled = torch.randperm(count, generator=generator)
        order = shuffled if recipe.training.shuffle else torch.arange(count)
        yield [order[start : start + size] for start in range(0, count, size)]


def _images_of_epoch(
    recipe: Recipe, training: LabelledImages, number: int, device: torch.device
) -> LabelledImages:
    """The images of an epoch. Occlusion and trigger follow the augmentation, which moves pixels."""
    changed = augmented(training, recipe.augmentation)
    noisy = occluded(changed, recipe.occlusion, draw=number)
    seen = poisoned(noisy, recipe.backdoor, draw=number)
    return LabelledImages(seen.images.to(device), seen.labels.to(device))


def _train_epoch(
    recipe: Recipe,
    course: Course,
    scheduler: Scheduler | None,
    data: LabelledImages,
    batches: list[Tensor],
    advance: Callable[[], object],
) -> float:
    model, optimizer = course.model, course.optimizer
    first = len(course.epochs) * len(batches)
    model.train()
    total = 0.0
    for step, batch in enumerate(batches, start=first):
        if scheduler is not None:
            scheduler.step_update(step)
        chosen = batch.to(data.labels.device)
        inputs = to_model_range(data.images[chosen]).contiguous(memory_format=torch.channels_last)
        if recipe.adversary is not None:
            with _precision(recipe, inputs.device):
                inputs = training_attack(model, inputs, data.labels[chosen], recipe.adversary)
        with _precision(recipe, inputs.device):
            logits = model(inputs)
        loss = nn.functional.cross_entropy(logits.float(), data.labels[chosen])
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        total += float(loss.detach()) * len(batch)
        advance()
    return total / len(data)


def _measured(recipe: Recipe, model: nn.Module, loss: float, validation: LabelledImages) -> Epoch:
    if not len(validation):
        return Epoch(loss)
    if recipe.adversary is None:
        return Epoch(loss, measure_accuracy(model, validation))
    with _precision(recipe, next(model.parameters()).device):
        attacked = measure_adversarial_accuracy(model, validation, recipe.adversary)
    return Epoch(loss, measure_accuracy(model, validation), attacked)


def _is_to_keep(epochs: list[Epoch], keep: str) -> bool:
    """Whether the last epoch is the best so far."""
    if keep == BEST_VALIDATION:
        measured = [epoch.validation for epoch in epochs]
    elif keep == BEST_ADVERSARIAL:
        measured = [epoch.adversarial_validation for epoch in epochs]
    else:
        return True
    correct = [accuracy.correct for accuracy in measured if accuracy is not None]
    return correct[-1] > max(correct[:-1], default=-1)


def _copy_of_weights(model: nn.Module) -> dict[str, Tensor]:
    return {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in model.state_dict().items()
    }


def _precision(recipe: Recipe, device: torch.device) -> torch.autocast:
    bfloat16 = recipe.training.precision == "bfloat16"
    return torch.autocast(device.type, torch.bfloat16, enabled=bfloat16)


@contextmanager
def _seeded(seed: int, epoch: int, device: torch.device) -> Iterator[None]:
    """Seed PyTorch's global generators from the seed and the number of the epoch."""
    (state,) = np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint32)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(int(state))
        yield
