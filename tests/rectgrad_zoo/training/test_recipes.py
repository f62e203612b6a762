import dataclasses
from pathlib import Path

import pytest

from rectgrad_zoo import registry
from rectgrad_zoo.data.backdoor import Backdoor
from rectgrad_zoo.data.data_sets import FASHION_MNIST
from rectgrad_zoo.data.occlusion import Occlusion
from rectgrad_zoo.training.recipes import parse_recipe, read_recipe

RECIPES = Path(__file__).parents[3] / "zoo" / "recipes"
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
        ("epochs = 20", 'epochs = "20"', r"epochs of type int, got '20'"),
        ("epochs = 20", "epochs = true", r"epochs of type int, got True"),
        ("epochs = 20", "epochs = 2.5", r"epochs of type int, got 2\.5"),
        ("epochs = 20", "epochs = 0", r"training\.epochs = 0 must be positive"),
        ("learning_rate = 0.001", "learning_rate = nan", "learning_rate = nan must be positive"),
        ("size = 10", "size = -1", r"occlusion\.size = -1 must be positive"),
        ("size = 10", "size = 33", r"occlusion\.size = 33 must be at most 32: the images"),
        ("[data]", "[other]\n[[data]]", r"expected a section \[data\], got \["),
        (
            '"adam"',
            '"lion"',
            r"training\.optimizer = 'lion' is not known; expected 'adam' or 'adamw' or 'sgd'",
        ),
        ('"best_validation"', '"best_test"', r"training\.keep = 'best_test' is not known"),
        ('"uoft-cs/cifar10"', '"mnist"', r"data\.name = 'mnist' is not known"),
        ('architecture = "cifar10_cnn"', 'architecture = "cnn"', "'cnn' is not known to timm"),
        ("size = 10", "size = ", "is not a valid TOML"),
    ],
)
def test_bad_recipes_are_refused_with_the_key(old: str, new: str, message: str) -> None:
    assert old in TEXT
    with pytest.raises(ValueError, match=message):
        parse_recipe(TEXT.replace(old, new), "a.toml")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'architecture = "cifar10_cnn"',
            'architecture = "resnet18"',
            r"another input format than CIFAR-10.*\(3, 224, 224\)",
        ),
        ("learning_rate = 0.001", "learning_rate = 1e300", "learning_rate = 1e\\+300 is too large"),
        ("learning_rate = 0.001", f"learning_rate = {10**400}", "learning_rate = 10+ is too large"),
        ("size = 10\nseed = 0", f"size = 10\nseed = {2**32}", "at most 4294967295"),
        ("[data]", f"a = {'[' * 100_000}", "is not a valid TOML"),
    ],
)
def test_what_would_give_another_checkpoint_than_it_says_is_refused(
    old: str, new: str, message: str
) -> None:
    assert old in TEXT
    with pytest.raises(ValueError, match=message):
        parse_recipe(TEXT.replace(old, new, 1), "a.toml")


def test_negative_seeds_are_refused() -> None:
    with pytest.raises(ValueError, match=r"occlusion\.seed = -1 must not be negative"):
        parse_recipe(TEXT.replace("size = 10\nseed = 0", "size = 10\nseed = -1"), "a.toml")


def recipe_text(name: str) -> str:
    return (RECIPES / f"{name}.toml").read_text()


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        (
            "noise_paper",
            '"per_image"',
            '"every"',
            r"occlusion\.kind = 'every' is not known; expected 'f",
        ),
        ("noise_paper", '"per_image"', "1", r"\[occlusion\]: expected kind of type str, got 1"),
        ("adversarial", "epsilon = 8", "epsilon = 0", r"adversary\.epsilon = 0 must be positive"),
        ("adversarial", "epsilon = 8", "epsilon = inf", r"adversary\.epsilon = inf must be"),
        ("adversarial", "test_steps = 10", "", r"\[adversary\]:.*missing keys \['test_steps'\]"),
        ("adversarial", "[adversary]", "[random_labels]", r"\[random_labels\]: unknown keys"),
        ("random_labels", "[random_labels]\nseed = 1", "[random_labels]\nseed = -1", "negative"),
        ("untrained", "epochs = 0", "epochs = -1", r"training\.epochs = -1 must not be negative"),
        ("untrained", '"last"', '"best_validation"', r"training\.epochs = 0 must be positive"),
        ("untrained", '"last"', '"best_adversarial_validation"', r"epochs = 0 must be positive"),
        ("seed1", '"best_validation"', '"best_adversarial_validation"', r"needs a section \[adv"),
        ("seed1", "epochs = 20", "epochs = 20\nwarmup_epochs = 1", "needs training.schedule = 'co"),
        ("backdoor", "target = 0", "target = 10", r"backdoor\.target = 10 must be less than 10"),
        ("backdoor", "target = 0", "target = -1", r"backdoor\.target = -1 must not be negative"),
        ("backdoor", "share = 0.1", "share = 1", r"backdoor\.share = 1 must be less than 1: imag"),
        ("backdoor", "share = 0.1", "share = 0", r"backdoor\.share = 0 must be positive"),
        ("backdoor", "share = 0.1", "share = nan", r"backdoor\.share = nan must be positive"),
        ("backdoor", "size = 4", "size = 32", r"backdoor\.size = 32 must be less than 32: the im"),
        ("backdoor", "size = 4", "", r"\[backdoor\]:.*missing keys \['size'\]"),
        (
            "backdoor",
            "[training]",
            "[occlusion]\nsize = 10\nseed = 0\n[training]",
            r"\[backdoor\] and \[occlusion\] exclude each other",
        ),
        (
            "resnet",
            "flip = true",
            "flip = 1",
            r"\[augmentation\]: expected flip of type bool, got 1",
        ),
        ("resnet", "crop_padding = 4", "crop_padding = -4", r"crop_padding = -4 must not be"),
        ("resnet", "crop_padding = 4", "crop_padding = true", "crop_padding of type int, got True"),
        ("resnet", "weight_decay = 0.0005", "weight_decay = nan", "weight_decay = nan must not be"),
        ("resnet", '"cosine"', '"step"', r"schedule = 'step' is not known; expected 'constant' or"),
        (
            "resnet",
            "warmup_epochs = 1",
            "warmup_epochs = 12",
            "must be less than training.epochs = 12",
        ),
    ],
)
def test_bad_sections_are_refused_with_the_key(name: str, old: str, new: str, message: str) -> None:
    text = recipe_text("cifar10_resnet" if name == "resnet" else f"cifar10_cnn_{name}")
    assert old in text
    with pytest.raises(ValueError, match=message):
        parse_recipe(text.replace(old, new), "a.toml")


@pytest.mark.parametrize("name", ["cifar10_cnn", "cifar10_cnn_occluded"])
def test_more_seeds_change_seed_and_precision_alone(name: str) -> None:
    first = read_recipe(RECIPES / f"{name}.toml")
    for seed in (1, 2):
        other = read_recipe(RECIPES / f"{name}_seed{seed}.toml")
        changed = dataclasses.replace(first.training, seed=seed, precision="bfloat16")
        assert other.training == changed
        assert (other.data, other.occlusion) == (first.data, first.occlusion)
        assert other.architecture == first.architecture


def test_recipes_of_fashion_mnist_differ_by_seed_alone() -> None:
    first = read_recipe(RECIPES / "fashion_mnist_cnn.toml")
    assert first.data_set is FASHION_MNIST
    for seed in (1, 2):
        other = read_recipe(RECIPES / f"fashion_mnist_cnn_seed{seed}.toml")
        assert other.training == dataclasses.replace(first.training, seed=seed)
        assert (other.data, other.architecture) == (first.data, first.architecture)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            '"fashion_mnist_cnn"\ndes',
            '"cifar10_cnn"\ndes',
            r"input format than Fashion-MNIST: got .*\(3, 32, 32\).*Choose fashion_mnist_cnn, or",
        ),
        ("[training]", "[occlusion]\nsize = 5\nseed = 0\n[training]", "needs RGB images, and Fash"),
        (
            "[training]",
            "[backdoor]\nsize = 28\ntarget = 0\nshare = 0.1\nseed = 0\n[training]",
            r"backdoor\.size = 28 must be less than 28",
        ),
    ],
)
def test_sections_that_do_not_fit_the_data_set_are_refused(
    old: str, new: str, message: str
) -> None:
    text = recipe_text("fashion_mnist_cnn")
    assert old in text
    with pytest.raises(ValueError, match=message):
        parse_recipe(text.replace(old, new), "a.toml")


def test_recipes_with_a_backdoor_differ_by_seed_alone() -> None:
    first = read_recipe(RECIPES / "cifar10_cnn_backdoor.toml")
    assert first.backdoor == Backdoor(size=4, target=0, share=0.1, seed=0)
    for seed in (1, 2):
        other = read_recipe(RECIPES / f"cifar10_cnn_backdoor_seed{seed}.toml")
        assert other.training == dataclasses.replace(first.training, seed=seed)
        assert (other.data, other.backdoor) == (first.data, first.backdoor)


@pytest.mark.parametrize("name", ["cifar10_cnn_paper", "cifar10_cnn_occluded_paper"])
def test_recipes_of_the_authors_training_differ_by_seed_alone(name: str) -> None:
    first = read_recipe(RECIPES / f"{name}.toml")
    training = first.training
    assert (training.batch_size, training.shuffle, training.keep) == (100, False, "last")
    assert (training.epochs, first.data.validation_size) == (20, 0)
    for seed in range(1, 5):
        other = read_recipe(RECIPES / f"{name}_seed{seed}.toml")
        assert other.training == dataclasses.replace(training, seed=seed)
        assert (other.data, other.occlusion) == (first.data, first.occlusion)


def test_recipes_are_named_as_their_files() -> None:
    for file in RECIPES.glob("*.toml"):
        assert read_recipe(file).name == file.stem


def test_a_whole_number_is_a_learning_rate() -> None:
    recipe = parse_recipe(TEXT.replace("learning_rate = 0.001", "learning_rate = 1"), "a.toml")
    assert recipe.training.learning_rate == 1


def test_a_missing_recipe_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no-such\.toml"):
        read_recipe(tmp_path / "no-such.toml")
