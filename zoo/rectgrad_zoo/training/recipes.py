"""Training recipes in TOML format."""

import math
import sys
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import timm
import torch
from timm.models import get_pretrained_cfg

from rectgrad_zoo.data.augmentation import Augmentation
from rectgrad_zoo.data.backdoor import Backdoor
from rectgrad_zoo.data.data_sets import CIFAR10, DATA_SETS, FASHION_MNIST, DataSet
from rectgrad_zoo.data.occlusion import FIXED, PER_IMAGE, Occlusion
from rectgrad_zoo.data.random_labels import RandomLabels
from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.input_files import read_regular
from rectgrad_zoo.training.adversary import Adversary

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SectionT = TypeVar("SectionT")

# This project's architectures for a data set, for error messages.
_ARCHITECTURES = {
    CIFAR10.name: ("cifar10_cnn", "cifar10_resnet", "cifar10_vit"),
    FASHION_MNIST.name: ("fashion_mnist_cnn",),
}
BEST_VALIDATION = "best_validation"
BEST_ADVERSARIAL = "best_adversarial_validation"
LAST = "last"
# Largest single-precision number, and the modulus of PyTorch's seeds.
_LARGEST = float(torch.finfo(torch.float32).max)
_INTEGERS = 1 << 32


@dataclass(frozen=True)
class DataRecipe:
    """The section `[data]`: training data.

    Attributes:
        name: Hub name of the data set: `uoft-cs/cifar10` or `zalando-datasets/fashion_mnist`.
        validation_size: Number of validation images, taken from the training set; 0 only if the
            last epoch is kept.
        validation_seed: Seed of the validation split.
    """

    name: str
    validation_size: int
    validation_seed: int


@dataclass(frozen=True)
class TrainingRecipe:
    """The section `[training]`: optimisation.

    Attributes:
        optimizer: `adam` or `adamw`, with PyTorch's other defaults, or `sgd`, with a Nesterov
            momentum of 0.9.
        learning_rate: Step size; the maximum if there is a schedule.
        batch_size: Number of images per step.
        epochs: Number of passes over the training images; 0 for an untrained network.
        seed: Seed of the initial weights, the order of the images, the augmentation and the start
            of an attack.
        keep: Epoch of the stored weights: `best_validation`, the first epoch with the highest
            validation accuracy; `best_adversarial_validation`, the same under the recipe's attack;
            or `last`.
        weight_decay: Penalty on the weights, without biases, norms and position embeddings.
        schedule: `constant`, or `cosine`: decay from the learning rate to zero, step by step.
        warmup_epochs: Number of initial epochs with a linearly increasing learning rate, for
            `cosine`.
        precision: `float32`, or `bfloat16` for PyTorch's autocast: weights and updates are float32,
            convolutions and dense layers compute in bfloat16, in training and in the attack on the
            validation images. All other measurements use float32.
        shuffle: Whether every epoch has the images in another random order. Otherwise all epochs
            have the order of the data set, as in the authors' code of Kim et al. 2019.
    """

    optimizer: str
    learning_rate: float
    batch_size: int
    epochs: int
    seed: int
    keep: str
    weight_decay: float = 0.0
    schedule: str = "constant"
    warmup_epochs: int = 0
    precision: str = "float32"
    shuffle: bool = True


@dataclass(frozen=True)
class Recipe:
    """The recipe of a checkpoint.

    Attributes:
        name: Name of the checkpoint.
        architecture: A timm architecture for inputs in [-1, 1] of the size of the data set, such as
            `cifar10_cnn`, the network of appendix F.2.
        description: Purpose of the checkpoint, in one sentence.
        data: Training data.
        training: Optimisation.
        occlusion: Noise in every training and test image; `None` for none.
        augmentation: Random changes of the training images before the occlusion; `None` for none.
        random_labels: Shuffling of the training labels; `None` for the true labels.
        adversary: Attack for training and measurements; `None` for none.
        backdoor: Trigger in a share of the training images; `None` for none.
    """

    name: str
    architecture: str
    description: str
    data: DataRecipe
    training: TrainingRecipe
    occlusion: Occlusion | None = None
    augmentation: Augmentation | None = None
    random_labels: RandomLabels | None = None
    adversary: Adversary | None = None
    backdoor: Backdoor | None = None

    @property
    def data_set(self) -> DataSet:
        """The data set of the section `[data]`."""
        return DATA_SETS[self.data.name]


_REQUIRED_SECTIONS: dict[str, type] = {"data": DataRecipe, "training": TrainingRecipe}
_OPTIONAL_SECTIONS: dict[str, type] = {
    "occlusion": Occlusion,
    "augmentation": Augmentation,
    "random_labels": RandomLabels,
    "adversary": Adversary,
    "backdoor": Backdoor,
}


def read_recipe(path: Path) -> Recipe:
    """Read and check a recipe.

    Args:
        path: A TOML file.

    Returns:
        The recipe.

    Raises:
        ValueError: If the file is absent or not TOML, or a key is unknown, missing, of the wrong
            type or out of range.
    """
    try:
        text = read_regular(path).decode("utf-8")
    except (OSError, UnicodeDecodeError, ZooError) as error:
        raise ValueError(f"Cannot read the recipe {path}: {error}") from error
    return parse_recipe(text, str(path))


def parse_recipe(text: str, where: str) -> Recipe:
    """Parse and check a recipe as `read_recipe` does, with `where` in the errors."""
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ValueError(f"{where} is not a valid TOML file: {error}") from error
    for name, section in (_REQUIRED_SECTIONS | _OPTIONAL_SECTIONS).items():
        if name in table:
            if not isinstance(table[name], dict):
                raise ValueError(f"{where}: expected a section [{name}], got {table[name]!r}.")
            table[name] = _section(section, table[name], f"{where}, section [{name}]")
    recipe = _section(Recipe, table, where)
    _check_choices(recipe, where)
    _check_ranges(recipe, where)
    _check_occlusion(recipe, where)
    _check_backdoor(recipe, where)
    _check_combinations(recipe, where)
    return recipe


def _section(section: type[SectionT], table: dict[str, Any], where: str) -> SectionT:
    """Convert a table with the keys and types of a dataclass."""
    known = {field.name: field.default is MISSING for field in fields(section)}  # type: ignore[arg-type]
    unknown = sorted(table.keys() - known.keys())
    missing = sorted(key for key, required in known.items() if required and key not in table)
    if unknown or missing:
        raise ValueError(
            f"{where}: unknown keys {unknown}, missing keys {missing}; expected {sorted(known)}."
        )
    hints = get_type_hints(section)
    for key, value in table.items():
        # An integer is accepted for a float. A boolean is not, although Python counts it as an int.
        accepted = (int, float) if hints[key] is float else hints[key]
        if (isinstance(value, bool) and accepted is not bool) or not isinstance(value, accepted):
            raise ValueError(
                f"{where}: expected {key} of type {hints[key].__name__}, got {value!r}."
            )
    return section(**table)


def _check_choices(recipe: Recipe, where: str) -> None:
    training, occlusion = recipe.training, recipe.occlusion
    choices = (
        ("data.name", recipe.data.name, tuple(DATA_SETS)),
        ("training.optimizer", training.optimizer, ("adam", "adamw", "sgd")),
        ("training.schedule", training.schedule, ("constant", "cosine")),
        ("training.precision", training.precision, ("float32", "bfloat16")),
        ("training.keep", training.keep, (BEST_VALIDATION, BEST_ADVERSARIAL, LAST)),
        ("occlusion.kind", occlusion.kind if occlusion else FIXED, (FIXED, PER_IMAGE)),
    )
    for key, got, expected in choices:
        if got not in expected:
            allowed = " or ".join(map(repr, expected))
            raise ValueError(f"{where}: {key} = {got!r} is not known; expected {allowed}.")
    if not timm.is_model(recipe.architecture):
        raise ValueError(
            f"{where}: architecture = {recipe.architecture!r} is not known to timm. Choose "
            f"{' or '.join(_ARCHITECTURES[recipe.data.name])}."
        )
    # timm's preprocessing of the architecture must be that of the training.
    config = get_pretrained_cfg(recipe.architecture)
    data_set = recipe.data_set
    half = (0.5,) * data_set.input_size[0]  # mean and standard deviation of inputs in [-1, 1]
    format_ = {"input_size": data_set.input_size, "mean": half, "std": half}
    given = {key: tuple(getattr(config, key, None) or ()) for key in format_}
    if given != format_:
        raise ValueError(
            f"{where}: architecture = {recipe.architecture!r} has another input format than "
            f"{data_set.title}: got {given}, expected {format_}. Choose "
            f"{' or '.join(_ARCHITECTURES[data_set.name])}, or register an architecture with this "
            "configuration."
        )


def _check_ranges(recipe: Recipe, where: str) -> None:
    data, training, occlusion = recipe.data, recipe.training, recipe.occlusion
    backdoor = recipe.backdoor
    positive: dict[str, float] = {
        "training.learning_rate": training.learning_rate,
        "training.batch_size": training.batch_size,
        "occlusion.size": occlusion.size if occlusion else 1,
        "backdoor.size": backdoor.size if backdoor else 1,
        "backdoor.share": backdoor.share if backdoor else 1,
    }
    not_negative: dict[str, float] = {
        "data.validation_seed": data.validation_seed,
        "training.seed": training.seed,
        "training.weight_decay": training.weight_decay,
        "training.warmup_epochs": training.warmup_epochs,
        "occlusion.seed": occlusion.seed if occlusion else 0,
        "backdoor.target": backdoor.target if backdoor else 0,
        "backdoor.seed": backdoor.seed if backdoor else 0,
        "random_labels.seed": recipe.random_labels.seed if recipe.random_labels else 0,
        "augmentation.crop_padding": recipe.augmentation.crop_padding if recipe.augmentation else 0,
    }
    # Only keep = "last" allows zero epochs and no validation images.
    counts = not_negative if training.keep == LAST else positive
    counts["training.epochs"] = training.epochs
    counts["data.validation_size"] = data.validation_size
    if recipe.adversary:
        positive |= {f"adversary.{key}": value for key, value in vars(recipe.adversary).items()}
    for key, value in (positive | not_negative).items():
        largest = _INTEGERS - 1 if isinstance(value, int) else _LARGEST
        if largest < value < math.inf:
            raise ValueError(f"{where}: {key} = {value} is too large; at most {largest}.")
    for key, value in positive.items():
        if not 0 < value < math.inf:  # also refuses NaN
            raise ValueError(f"{where}: {key} = {value} must be positive.")
    for key, value in not_negative.items():
        if not 0 <= value < math.inf:
            raise ValueError(f"{where}: {key} = {value} must not be negative.")


def _check_occlusion(recipe: Recipe, where: str) -> None:
    data_set, occlusion = recipe.data_set, recipe.occlusion
    if occlusion is None:
        return
    if data_set.input_size[0] != 3:  # noqa: PLR2004 (the noise is RGB)
        raise ValueError(
            f"{where}: the section [occlusion] needs RGB images, and {data_set.title} is grey. "
            "Remove the section."
        )
    side = min(data_set.size)
    if occlusion.size > side:
        raise ValueError(
            f"{where}: occlusion.size = {occlusion.size} must be at most {side}: the images have a "
            f"side of {side} pixels."
        )


def _check_backdoor(recipe: Recipe, where: str) -> None:
    backdoor = recipe.backdoor
    if backdoor is None:
        return
    classes, side = len(recipe.data_set.classes), min(recipe.data_set.size)
    bounds: tuple[tuple[str, float, float, str], ...] = (
        ("target", backdoor.target, classes, f"the data set has {classes} classes"),
        ("share", backdoor.share, 1, "images without the trigger must remain"),
        ("size", backdoor.size, side, f"the images have a side of {side} pixels"),
    )
    for key, got, bound, reason in bounds:
        if got >= bound:
            raise ValueError(
                f"{where}: backdoor.{key} = {got} must be less than {bound}: {reason}."
            )
    if recipe.occlusion is not None:
        raise ValueError(
            f"{where}: the sections [backdoor] and [occlusion] exclude each other: the noise may "
            "cover the trigger. Remove one of them."
        )


def _check_combinations(recipe: Recipe, where: str) -> None:
    training = recipe.training
    if training.keep == BEST_ADVERSARIAL and recipe.adversary is None:
        raise ValueError(
            f"{where}: training.keep = {BEST_ADVERSARIAL!r} needs a section [adversary]."
        )
    if training.warmup_epochs and training.schedule == "constant":
        raise ValueError(
            f"{where}: training.warmup_epochs = {training.warmup_epochs} needs training.schedule = "
            "'cosine'."
        )
    if training.warmup_epochs > max(training.epochs - 1, 0):
        raise ValueError(
            f"{where}: training.warmup_epochs = {training.warmup_epochs} must be less than "
            f"training.epochs = {training.epochs}."
        )
