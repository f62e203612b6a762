"""Every recipe of the repository, on a few images and for an epoch: made, and verified."""

import functools
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from rectgrad_zoo.training.build_checkpoint import make_checkpoint
from rectgrad_zoo.training.metrics import Metrics
from rectgrad_zoo.training.verify import verify_folder

RECIPES = sorted((Path(__file__).parents[3] / "zoo" / "recipes").glob("*.toml"))
CPU = torch.device("cpu")
NEW_SENTENCES = {
    "cifar10_cnn_adversarial": "by at most 8 of 255 levels, by the fast gradient sign method",
    "cifar10_cnn_backdoor": "A share of 0.1 of the training images (seed 0) has a checkerboard",
    "cifar10_cnn_paper": "There were no validation images",
    "cifar10_cnn_occluded_paper": "Every epoch has the images in the order of the data set",
    "cifar10_cnn_noise_paper": "different uniform noise (seed 0) in its upper left 10 x 10 pixels",
    "cifar10_cnn_random_labels": "labels of the training images were shuffled once (seed 1)",
    "cifar10_cnn_untrained": "The weights are the initial ones, drawn with seed 0",
    "fashion_mnist_cnn": "The inputs are grey images of 28 x 28 pixels in [-1, 1]",
    "cifar10_vit": "The optimiser is AdamW. The learning rate is 0.001 with cosine decay",
    "cifar10_resnet": "crops with a black border of 4 pixels and random horizontal flips",
}

# Images of the further measurement: all 30 test images, the 27 of other classes than the target, 40
# or all 50 training images.
NUMBERS = {
    "cifar10_cnn_adversarial": 30,
    "cifar10_cnn_backdoor": 27,
    "cifar10_cnn_random_labels": 40,
    "cifar10_cnn_paper": 50,
}
FURTHER = ("adversarial", "memorised", "attack_success")

Make = Callable[[str], tuple[Path, Metrics]]


@pytest.fixture(scope="module")
def sources(data_folder: Path, fashion_folder: Path) -> dict[str, Path]:
    """Folders of generated images by the prefix of a recipe's name."""
    return {"cifar10": data_folder, "fashion": fashion_folder}


@pytest.fixture(scope="module")
def make(sources: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Make the checkpoint of a recipe of that name, made shorter; once."""
    folder = tmp_path_factory.mktemp("made")

    @functools.cache
    def make(name: str) -> tuple[Path, Metrics]:
        (recipe,) = (file for file in RECIPES if file.stem == name)
        text = re.sub(r"validation_size = [1-9]\d*", "validation_size = 10", recipe.read_text())
        text = re.sub(r"(?m)^warmup_epochs = \d+\n", "", text)
        text = re.sub(r"(?m)^epochs = [1-9]\d*", "epochs = 1", text)
        shorter = folder / recipe.name
        shorter.write_text(text)
        data = sources[name.split("_", maxsplit=1)[0]]
        return folder / name, make_checkpoint(shorter, data, folder / name, CPU)

    return make


@pytest.mark.parametrize("name", [file.stem for file in RECIPES])
def test_every_recipe_gives_a_checkpoint_that_is_verified(
    name: str, make: Make, sources: dict[str, Path]
) -> None:
    out, made = make(name)
    found = verify_folder(out, sources[name.split("_", maxsplit=1)[0]], CPU)
    assert found.problems == []
    assert found.measured == made.test
    assert found.adversarial == made.adversarial
    assert found.memorised == made.memorised
    assert found.attack_success == made.attack_success
    assert made.checkpoint == name
    assert (out / "model.safetensors").stat().st_size < 6_000_000
    card = " ".join((out / "README.md").read_text().split())
    assert NEW_SENTENCES.get(name, "") in card
    if name.startswith(("fashion_mnist", "cifar10_vit")):
        assert sum(file.stat().st_size for file in out.iterdir()) < 1_000_000


def test_what_only_some_recipes_measure_is_in_their_metrics(make: Make) -> None:
    keys = {}
    for name, images in NUMBERS.items():
        out, _ = make(name)
        content = json.loads((out / "metrics.json").read_text())
        keys[name] = {key for key in FURTHER if key in content}
        for key in keys[name]:
            low, high = content[key]["interval_95"]
            assert low <= content[key]["accuracy"] <= high
            assert content[key]["total"] == images
        assert ("adversarial_validation" in content["epochs"][0]) == (key == "adversarial")
        assert ("validation" in content["epochs"][0]) == (name != "cifar10_cnn_paper")
    assert keys == {
        "cifar10_cnn_adversarial": {"adversarial"},
        "cifar10_cnn_backdoor": {"attack_success"},
        "cifar10_cnn_random_labels": {"memorised"},
        "cifar10_cnn_paper": {"memorised"},
    }
