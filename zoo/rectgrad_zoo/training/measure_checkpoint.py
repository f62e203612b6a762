"""Measurement of the accuracies on a checkpoint's card."""

from dataclasses import dataclass

from torch import nn

from rectgrad_zoo.data.backdoor import attacked, poisoned
from rectgrad_zoo.data.images import LabelledImages
from rectgrad_zoo.data.occlusion import occluded
from rectgrad_zoo.training.accuracy import Accuracy, measure_accuracy
from rectgrad_zoo.training.adversary import measure_adversarial_accuracy
from rectgrad_zoo.training.recipes import Recipe
from rectgrad_zoo.training.train import split_training


@dataclass(frozen=True)
class CheckpointMeasurements:
    """Accuracies of a network, as in `rectgrad_zoo.training.metrics.Metrics`.

    Attributes:
        test: Accuracy on the test images, with the recipe's occlusion.
        adversarial: Accuracy on the test images under the recipe's attack, if any.
        memorised: Accuracy on the training images by the labels of the training, if the recipe
            has random labels or no validation images.
        attack_success: Success rate of the recipe's backdoor, if any.
    """

    test: Accuracy
    adversarial: Accuracy | None
    memorised: Accuracy | None
    attack_success: Accuracy | None = None


def measure_checkpoint(
    model: nn.Module, recipe: Recipe, test: LabelledImages, training: LabelledImages | None
) -> CheckpointMeasurements:
    """Measure the accuracies of a network that was trained from a recipe.

    Args:
        model: The network, on the device for the measurement.
        recipe: Recipe of the network.
        test: The test set, without occlusion.
        training: The whole training set, with true labels and without occlusion. Required by
            recipes with random labels or without validation images.

    Returns:
        The accuracies.

    Raises:
        ValueError: If the recipe requires `training`, which is `None`, or it has a backdoor and the
            test set has no images of other classes than the target.
    """
    seen = occluded(test, recipe.occlusion)
    adversarial = memorised = success = None
    if recipe.adversary is not None:
        adversarial = measure_adversarial_accuracy(model, seen, recipe.adversary)
    if needs_training_set(recipe):
        if training is None:
            raise ValueError(f"{recipe.name} requires the training set, got None.")
        trained_on, _ = split_training(training, recipe)
        noisy = occluded(trained_on, recipe.occlusion)
        memorised = measure_accuracy(model, poisoned(noisy, recipe.backdoor))
    if recipe.backdoor is not None:
        success = measure_accuracy(model, attacked(test, recipe.backdoor))
    return CheckpointMeasurements(measure_accuracy(model, seen), adversarial, memorised, success)


def needs_training_set(recipe: Recipe) -> bool:
    """Whether the accuracy on the training images is measured: it says what was memorised."""
    return recipe.random_labels is not None or not recipe.data.validation_size
