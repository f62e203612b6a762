"""Everything a recipe's card claims of a network, measured."""

from dataclasses import dataclass

from torch import nn

from rectgrad_zoo.data.images import LabelledImages
from rectgrad_zoo.data.occlusion import occluded
from rectgrad_zoo.training.accuracy import Accuracy, measure_accuracy
from rectgrad_zoo.training.adversary import measure_adversarial_accuracy
from rectgrad_zoo.training.recipes import Recipe
from rectgrad_zoo.training.train import split_training


@dataclass(frozen=True)
class CheckpointMeasurements:
    """Accuracies of a network; what each is, `rectgrad_zoo.training.metrics.Metrics` says.

    Attributes:
        test: On the test images, with the recipe's noise.
        adversarial: On the same under the recipe's attack, if it has one.
        memorised: On the images trained on by their random labels, if the recipe has them.
    """

    test: Accuracy
    adversarial: Accuracy | None
    memorised: Accuracy | None


def measure_checkpoint(
    model: nn.Module, recipe: Recipe, test: LabelledImages, training: LabelledImages | None
) -> CheckpointMeasurements:
    """Measure what is to be known of a network that was trained from a recipe.

    Args:
        model: The network, on the device to measure on.
        recipe: Its recipe.
        test: The test set, without noise.
        training: The whole training set, with its true labels and without noise. Only a recipe with
            random labels needs it.

    Returns:
        The accuracies.

    Raises:
        ValueError: If the recipe has random labels and there is no training set.
    """
    seen = occluded(test, recipe.occlusion)
    adversarial = memorised = None
    if recipe.adversary is not None:
        adversarial = measure_adversarial_accuracy(model, seen, recipe.adversary)
    if recipe.random_labels is not None:
        if training is None:
            raise ValueError(f"{recipe.name} has random labels: expected the training set too.")
        trained_on, _ = split_training(training, recipe)
        memorised = measure_accuracy(model, occluded(trained_on, recipe.occlusion))
    return CheckpointMeasurements(measure_accuracy(model, seen), adversarial, memorised)
