"""Recipes: how a checkpoint is trained, as a TOML file."""

import sys
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import timm

from rectgrad_zoo.occlusion import Occlusion

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SectionT = TypeVar("SectionT")


@dataclass(frozen=True)
class DataRecipe:
    """What is trained on.

    Attributes:
        name: Hub name of the data set; `uoft-cs/cifar10` is the one that is known.
        validation_size: Number of training images set aside to choose the epoch by.
        validation_seed: Seed of that choice.
    """

    name: str
    validation_size: int
    validation_seed: int


@dataclass(frozen=True)
class TrainingRecipe:
    """How it is trained.

    Attributes:
        optimizer: `adam`, with PyTorch's defaults but for the learning rate.
        learning_rate: Step size, constant.
        batch_size: Images per step.
        epochs: Passes over the training images.
        seed: Seed of the initial weights and of the order of the images.
        keep: Which epoch's weights are kept: `best_validation`, the first epoch of the highest
            accuracy on the validation images.
    """

    optimizer: str
    learning_rate: float
    batch_size: int
    epochs: int
    seed: int
    keep: str


@dataclass(frozen=True)
class Recipe:
    """A checkpoint's whole recipe.

    Attributes:
        name: Name of the checkpoint.
        architecture: A timm architecture, `cifar10_cnn` for the network of appendix F.2.
        description: What the checkpoint is for, in one sentence.
        data: What it is trained on.
        training: How it is trained.
        occlusion: The patch in every image, both in training and in testing; `None` for none.
    """

    name: str
    architecture: str
    description: str
    data: DataRecipe
    training: TrainingRecipe
    occlusion: Occlusion | None = None


def read_recipe(path: Path) -> Recipe:
    """Read and check a recipe.

    Args:
        path: A TOML file.

    Returns:
        The recipe.

    Raises:
        ValueError: If there is no such file, it is not TOML, or a key is unknown, missing, or of
            the wrong type or range.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"Cannot read the recipe {path}: {error}") from error
    return parse_recipe(text, str(path))


def parse_recipe(text: str, where: str) -> Recipe:
    """Check the text of a recipe; as `read_recipe`, with `where` named in the errors."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{where} is not TOML: {error}") from error
    sections: dict[str, type] = {"data": DataRecipe, "training": TrainingRecipe}
    if "occlusion" in table:
        sections["occlusion"] = Occlusion
    for name, section in sections.items():
        if name in table:
            if not isinstance(table[name], dict):
                raise ValueError(f"{where}: expected a section [{name}], got {table[name]!r}.")
            table[name] = _section(section, table[name], f"{where}, section [{name}]")
    recipe = _section(Recipe, table, where)
    _check_values(recipe, where)
    return recipe


def _section(section: type[SectionT], table: dict[str, Any], where: str) -> SectionT:
    """Make a dataclass of a table whose keys and types must be the dataclass's."""
    known = {field.name: field.default is MISSING for field in fields(section)}  # type: ignore[arg-type]
    unknown = sorted(table.keys() - known.keys())
    missing = sorted(key for key, required in known.items() if required and key not in table)
    if unknown or missing:
        raise ValueError(
            f"{where}: unknown keys {unknown}, missing keys {missing}; expected {sorted(known)}."
        )
    hints = get_type_hints(section)
    for key, value in table.items():
        # TOML writes 1 for 1.0, and Python counts true as 1: the first is meant, the second is not.
        accepted = (int, float) if hints[key] is float else hints[key]
        if isinstance(value, bool) or not isinstance(value, accepted):
            raise ValueError(  # noqa: TRY004 (the file's fault, as every other error in it)
                f"{where}: {key} = {value!r} is not of type {hints[key].__name__}."
            )
    return section(**table)


def _check_values(recipe: Recipe, where: str) -> None:
    data, training, occlusion = recipe.data, recipe.training, recipe.occlusion
    choices = (
        ("data.name", data.name, "uoft-cs/cifar10"),
        ("training.optimizer", training.optimizer, "adam"),
        ("training.keep", training.keep, "best_validation"),
    )
    for key, got, expected in choices:
        if got != expected:
            raise ValueError(f"{where}: {key} = {got!r} is not known; expected {expected!r}.")
    if not timm.is_model(recipe.architecture):
        raise ValueError(f"{where}: architecture = {recipe.architecture!r} is not known to timm.")
    positive = {
        "data.validation_size": data.validation_size,
        "training.learning_rate": training.learning_rate,
        "training.batch_size": training.batch_size,
        "training.epochs": training.epochs,
        "occlusion.size": occlusion.size if occlusion else 1,
    }
    seeds = {
        "data.validation_seed": data.validation_seed,
        "training.seed": training.seed,
        "occlusion.seed": occlusion.seed if occlusion else 0,
    }
    for key, value in positive.items():
        if not value > 0:  # so that NaN is refused too
            raise ValueError(f"{where}: {key} = {value} must be positive.")
    for key, value in seeds.items():
        if value < 0:
            raise ValueError(f"{where}: {key} = {value} must not be negative.")
