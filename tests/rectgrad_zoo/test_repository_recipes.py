"""Every recipe of the repository, on a few images and for an epoch: made, and verified."""

import json
import re
from pathlib import Path

import pytest
import torch

from rectgrad_zoo.making import make_checkpoint
from rectgrad_zoo.verifying import verify_folder

RECIPES = sorted((Path(__file__).parents[2] / "zoo" / "recipes").glob("*.toml"))
CPU = torch.device("cpu")
NEW_SENTENCES = {
    "cifar10_cnn_adversarial": "by at most 8 of 255 levels, by the fast gradient sign method",
    "cifar10_cnn_noise": "noise of its own (seed 0) in its upper left 10 x 10 pixels",
    "cifar10_cnn_random_labels": "labels of the training images were shuffled once (seed 1)",
    "cifar10_cnn_untrained": "The weights are the initial ones, drawn with seed 0",
    "cifar10_resnet": "cropped out of a black border of 4 pixels and mirrored left to right",
}


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda file: file.stem)
def test_every_recipe_gives_a_checkpoint_that_is_verified(
    recipe: Path, data_folder: Path, tmp_path: Path
) -> None:
    text = re.sub(r"validation_size = \d+", "validation_size = 10", recipe.read_text())
    text = re.sub(r"(?m)^warmup_epochs = \d+\n", "", text)
    text = re.sub(r"(?m)^epochs = [1-9]\d*", "epochs = 1", text)
    shorter = tmp_path / "recipe.toml"
    shorter.write_text(text)
    out = tmp_path / recipe.stem
    made = make_checkpoint(shorter, data_folder, out, CPU)
    found = verify_folder(out, data_folder, CPU)
    assert found.problems == []
    assert found.measured == made.test
    assert found.adversarial == made.adversarial
    assert found.memorised == made.memorised
    assert made.checkpoint == recipe.stem
    assert (out / "model.safetensors").stat().st_size < 6_000_000
    card = " ".join((out / "README.md").read_text().split())
    assert NEW_SENTENCES.get(recipe.stem, "") in card


def test_what_only_some_recipes_measure_is_in_their_metrics(
    data_folder: Path, tmp_path: Path
) -> None:
    keys = {}
    for name in ("cifar10_cnn_adversarial", "cifar10_cnn_random_labels"):
        (file,) = (file for file in RECIPES if file.stem == name)
        text = re.sub(r"validation_size = \d+", "validation_size = 10", file.read_text())
        (tmp_path / file.name).write_text(re.sub(r"(?m)^epochs = \d+", "epochs = 1", text))
        make_checkpoint(tmp_path / file.name, data_folder, tmp_path / name, CPU)
        content = json.loads((tmp_path / name / "metrics.json").read_text())
        keys[name] = {key for key in ("adversarial", "memorised") if key in content}
        for key in keys[name]:
            low, high = content[key]["interval_95"]
            assert low <= content[key]["accuracy"] <= high
            assert content[key]["total"] == (30 if key == "adversarial" else 40)
        assert ("adversarial_validation" in content["epochs"][0]) == (key == "adversarial")
    assert keys == {
        "cifar10_cnn_adversarial": {"adversarial"},
        "cifar10_cnn_random_labels": {"memorised"},
    }
