import json
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from rectgrad_zoo import registry
from rectgrad_zoo.data.augmentation import Augmentation
from rectgrad_zoo.training.adversary import Adversary
from rectgrad_zoo.training.card import model_card
from rectgrad_zoo.training.metrics import read_metrics
from rectgrad_zoo.training.recipes import read_recipe

EMBEDDED = [row for row in registry.CHECKPOINTS if row.source == "embedded"]


def test_the_card_quotes_the_recipe_and_the_measurements(tiny_checkpoint: Path) -> None:
    text = " ".join((tiny_checkpoint / "README.md").read_text().split())
    metrics = json.loads((tiny_checkpoint / "metrics.json").read_text())
    test, low_high = metrics["test"], metrics["test"]["interval_95"]
    assert f"{test['accuracy']:.2%}" in text
    assert f"interval {low_high[0]:.2%} to {low_high[1]:.2%}, {test['correct']} of 30" in text
    assert f"`{metrics['sha256']}`" in text
    assert f"epoch {metrics['kept_epoch']}, the epoch with the highest accuracy" in text
    assert "A checkpoint made by a test." in text
    assert "uniform noise (seed 3) in its upper left 10 x 10 pixels" in text


def test_the_hub_reads_the_cards_metadata(tiny_checkpoint: Path) -> None:
    card = ModelCard.load(tiny_checkpoint / "README.md")
    metadata = card.data.to_dict()
    assert metadata["license"] == "bsd-3-clause"
    assert metadata["library_name"] == "timm"
    assert metadata["pipeline_tag"] == "image-classification"
    assert metadata["datasets"] == ["uoft-cs/cifar10"]
    assert card.data.eval_results is not None
    metrics = read_metrics(tiny_checkpoint / "metrics.json")
    assert card.data.eval_results[0].metric_value == metrics.test.value


@pytest.mark.parametrize("row", EMBEDDED, ids=lambda row: row.name)
def test_embedded_cards_are_what_their_metrics_give(row: registry.Checkpoint) -> None:
    folder = registry.embedded_folder(row)
    metrics = read_metrics(folder / "metrics.json")
    card = model_card(read_recipe(folder / "recipe.toml"), metrics)
    # The text alone: how the Hub's client spells the metadata is its own affair.
    assert ModelCard.load(folder / "README.md").text == card.text
    assert metrics.sha256 == row.sha256
    assert metrics.checkpoint == row.name


def test_a_card_has_the_zoos_name_only_for_the_zoos_weights() -> None:
    folder = registry.embedded_folder(EMBEDDED[0])
    recipe, metrics = read_recipe(folder / "recipe.toml"), read_metrics(folder / "metrics.json")
    assert f'load("{recipe.name}")' in model_card(recipe, metrics).text
    other = model_card(recipe, replace(metrics, sha256="0" * 64)).text
    assert 'load("path/to/this/folder")' in other
    assert "OWNER/NAME" in other


@pytest.mark.parametrize(("augmented", "said"), [(True, "with"), (False, "without")])
def test_the_limits_of_an_adversarial_network_say_whether_its_images_were_augmented(
    tiny_checkpoint: Path, augmented: bool, said: str
) -> None:
    recipe = replace(
        read_recipe(tiny_checkpoint / "recipe.toml"),
        adversary=Adversary(epsilon=8, step=10, steps=1, test_step=2, test_steps=2),
        augmentation=Augmentation(crop_padding=4, flip=True) if augmented else None,
    )
    text = model_card(recipe, read_metrics(tiny_checkpoint / "metrics.json")).text
    assert f"trained {said} augmentation. The accuracy under attack" in " ".join(text.split())
