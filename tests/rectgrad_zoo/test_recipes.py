from pathlib import Path

import pytest

from rectgrad_zoo import registry
from rectgrad_zoo.occlusion import Occlusion
from rectgrad_zoo.recipes import parse_recipe, read_recipe

RECIPES = Path(__file__).parents[2] / "zoo" / "recipes"
TEXT = (RECIPES / "cifar10_cnn_occluded.toml").read_text()


def test_the_recipes_of_the_repository_are_the_papers() -> None:
    standard = read_recipe(RECIPES / "cifar10_cnn.toml")
    occluded = read_recipe(RECIPES / "cifar10_cnn_occluded.toml")
    assert standard.occlusion is None
    assert occluded.occlusion == Occlusion(size=10, seed=0)
    assert standard.training == occluded.training
    assert (standard.training.optimizer, standard.training.epochs) == ("adam", 20)
    assert standard.architecture == "cifar10_cnn"


def test_every_embedded_checkpoint_carries_the_repositorys_recipe() -> None:
    for row in registry.CHECKPOINTS:
        if row.source == "embedded":
            copy = registry.embedded_folder(row) / "recipe.toml"
            assert copy.read_bytes() == (RECIPES / f"{row.name}.toml").read_bytes()
            assert read_recipe(copy).name == row.name


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "epochs = 20",
            "epochs = 20\nmomentum = 0.9",
            r"\[training\].*unknown keys \['momentum'\]",
        ),
        ("epochs = 20", "", r"\[training\].*missing keys \['epochs'\]"),
        ("[training]", "[trainig]", r"unknown keys \['trainig'\], missing keys \['training'\]"),
        ('name = "cifar10_cnn_occluded"', "", r"missing keys \['name'\]"),
        ("epochs = 20", 'epochs = "20"', r"epochs = '20' is not of type int"),
        ("epochs = 20", "epochs = true", r"epochs = True is not of type int"),
        ("epochs = 20", "epochs = 2.5", r"epochs = 2\.5 is not of type int"),
        ("epochs = 20", "epochs = 0", r"training\.epochs = 0 must be positive"),
        ("learning_rate = 0.001", "learning_rate = nan", "learning_rate = nan must be positive"),
        ("size = 10", "size = -1", r"occlusion\.size = -1 must be positive"),
        ("[data]", "[other]\n[[data]]", r"expected a section \[data\], got \["),
        (
            '"adam"',
            '"lion"',
            r"training\.optimizer = 'lion' is not known; expected 'adam' or 'sgd'",
        ),
        ('"best_validation"', '"best_test"', r"training\.keep = 'best_test' is not known"),
        ('"uoft-cs/cifar10"', '"mnist"', r"data\.name = 'mnist' is not known"),
        ('architecture = "cifar10_cnn"', 'architecture = "cnn"', "'cnn' is not known to timm"),
        ("size = 10", "size = ", "is not TOML"),
    ],
)
def test_bad_recipes_are_refused_with_the_key(old: str, new: str, message: str) -> None:
    assert old in TEXT
    with pytest.raises(ValueError, match=message):
        parse_recipe(TEXT.replace(old, new), "a.toml")


def test_negative_seeds_are_refused() -> None:
    with pytest.raises(ValueError, match=r"occlusion\.seed = -1 must not be negative"):
        parse_recipe(TEXT.replace("size = 10\nseed = 0", "size = 10\nseed = -1"), "a.toml")


def test_a_whole_number_is_a_learning_rate() -> None:
    recipe = parse_recipe(TEXT.replace("learning_rate = 0.001", "learning_rate = 1"), "a.toml")
    assert recipe.training.learning_rate == 1


def test_a_missing_recipe_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no-such\.toml"):
        read_recipe(tmp_path / "no-such.toml")
