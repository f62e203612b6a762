from pathlib import Path

import pytest

import rectgrad_zoo
from rectgrad_zoo.data.cifar10 import read_cifar10
from rectgrad_zoo.training.measure_checkpoint import measure_checkpoint
from rectgrad_zoo.training.recipes import read_recipe

RECIPES = Path(__file__).parents[3] / "zoo" / "recipes"


def test_what_random_labels_were_learnt_cannot_be_measured_without_the_training_set(
    tiny_checkpoint: Path, data_folder: Path
) -> None:
    recipe = read_recipe(RECIPES / "cifar10_cnn_random_labels.toml")
    model, test = rectgrad_zoo.load(str(tiny_checkpoint)), read_cifar10(data_folder, "test")
    with pytest.raises(ValueError, match="requires the training set"):
        measure_checkpoint(model, recipe, test, None)
