import dataclasses
from pathlib import Path

import pytest
import torch

from rectgrad_zoo.data.cifar10 import read_cifar10
from rectgrad_zoo.training import train as train_module
from rectgrad_zoo.training.accuracy import Accuracy
from rectgrad_zoo.training.recipes import Recipe, read_recipe
from rectgrad_zoo.training.train import train

CPU = torch.device("cpu")


def with_training(recipe: Recipe, **changes: object) -> Recipe:
    return dataclasses.replace(recipe, training=dataclasses.replace(recipe.training, **changes))  # type: ignore[arg-type]


def script_validation(monkeypatch: pytest.MonkeyPatch, correct: list[int]) -> None:
    scripted = iter([Accuracy(count, 10) for count in correct])
    monkeypatch.setattr(train_module, "measure_accuracy", lambda *_: next(scripted))


@pytest.mark.slow
def test_the_first_of_the_best_epochs_is_kept(
    recipe_file: Path, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, data = read_recipe(recipe_file), read_cifar10(data_folder, "train")
    script_validation(monkeypatch, [4, 6, 6, 5])
    four = train(with_training(recipe, epochs=4), data, CPU)
    assert four.kept_epoch == 2
    assert [epoch.validation for epoch in four.epochs] == [
        Accuracy(each, 10) for each in (4, 6, 6, 5)
    ]

    # The weights are those at the end of epoch 2: what a training of two epochs ends with.
    script_validation(monkeypatch, [4, 6])
    two = train(with_training(recipe, epochs=2), data, CPU)
    assert all(torch.equal(four.weights[name], two.weights[name]) for name in two.weights)
    script_validation(monkeypatch, [4])
    one = train(with_training(recipe, epochs=1), data, CPU)
    assert not torch.equal(one.weights["fc2.weight"], two.weights["fc2.weight"])


@pytest.mark.slow
def test_training_learns_what_can_be_learnt(recipe_file: Path, data_folder: Path) -> None:
    recipe, data = read_recipe(recipe_file), read_cifar10(data_folder, "train")
    run = train(with_training(recipe, epochs=25), data, CPU)
    # Forty images of noise: the network can only learn them by heart.
    assert run.epochs[0].train_loss > 1.5
    assert run.epochs[-1].train_loss < 0.5


def test_without_shuffling_every_epoch_has_the_order_of_the_data(recipe_file: Path) -> None:
    recipe = with_training(read_recipe(recipe_file), batch_size=3, epochs=2, shuffle=False)
    orders = [[batch.tolist() for batch in epoch] for epoch in train_module._orders(recipe, 7)]
    assert orders == [[[0, 1, 2], [3, 4, 5], [6]]] * 2
    shuffled = [*train_module._orders(with_training(recipe, shuffle=True), 7)]
    assert sorted(torch.cat(shuffled[0]).tolist()) == list(range(7))
    assert [batch.tolist() for batch in shuffled[0]] != orders[0]


def test_a_validation_split_of_the_whole_set_is_refused(
    recipe_file: Path, data_folder: Path
) -> None:
    recipe, data = read_recipe(recipe_file), read_cifar10(data_folder, "train")
    greedy = dataclasses.replace(
        recipe, data=dataclasses.replace(recipe.data, validation_size=len(data))
    )
    with pytest.raises(ValueError, match="must leave images to train on"):
        train(greedy, data, CPU)
