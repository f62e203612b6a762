"""Generated shapes on textures, and small networks trained on them, as data for studies."""

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import safetensors.torch
import timm
import torch

from captum_rectgrad.studies.compute.precision import precision_of
from captum_rectgrad.studies.data.shapes import SHAPE_CLASSES, shapes
from captum_rectgrad.studies.data.study_data import MaskedImages, Network
from captum_rectgrad.studies.options import Role
from rectgrad_zoo.data.cifar10 import Split
from rectgrad_zoo.data.images import LabelledImages
from rectgrad_zoo.data.occlusion import FIXED, PER_IMAGE, Occlusion
from rectgrad_zoo.training.recipes import BEST_VALIDATION, DataRecipe, Recipe, TrainingRecipe
from rectgrad_zoo.training.train import train

SIZES: dict[Split, int] = {"train": 6000, "test": 1000}
SEEDS: dict[Split, int] = {"train": 1, "test": 2}
CPU = torch.device("cpu")
_PATCH = 10  # pixels, as for CIFAR-10
_WEIGHTS, _RECIPE = "model.safetensors", "recipe.json"


@dataclass(frozen=True)
class Shapes:
    """The generated data set; networks are trained on first use.

    Attributes:
        folder: folder of the trained networks.
    """

    folder: Path

    name = "generated shapes"
    classes = SHAPE_CLASSES
    note = ""

    def images(self, split: Split) -> LabelledImages:
        """See `StudyData`."""
        return drawn(split)

    def masked(self) -> MaskedImages:
        """See `StudyData`."""
        return drawn("test")

    def network(self, role: Role) -> Network:
        """See `StudyData`."""
        recipe, folder = recipe_of(role), self.folder / f"shapes-{role}"
        if not _is_of(folder, recipe):
            _train(recipe, folder)
        model = timm.create_model(recipe.architecture, num_classes=len(SHAPE_CLASSES)).eval()
        content = (folder / _WEIGHTS).read_bytes()
        model.load_state_dict(safetensors.torch.load(content))
        return Network(recipe.name, hashlib.sha256(content).hexdigest(), model, recipe)


def recipe_of(role: Role) -> Recipe:
    """The recipe of a role's network.

    Args:
        role: see `Role`.

    Returns:
        Five epochs of Adam, in the fastest precision of this machine.
    """
    noise = {"plain": None, "occluded": FIXED, "noise": PER_IMAGE}[role]
    return Recipe(
        name=f"shapes-{role}",
        architecture="cifar10_cnn",
        description="Shapes on textures, generated.",
        data=DataRecipe(name="shapes", validation_size=500, validation_seed=0),
        training=TrainingRecipe(
            optimizer="adam",
            learning_rate=0.001,
            batch_size=64,
            epochs=5,
            seed=0,
            keep=BEST_VALIDATION,
            precision=precision_of(CPU),
        ),
        occlusion=Occlusion(_PATCH, seed=0, kind=noise) if noise else None,
    )


@cache
def drawn(split: Split) -> MaskedImages:
    """The images of a split, generated once per process.

    Args:
        split: train or test.

    Returns:
        The images with their masks.
    """
    return shapes(SIZES[split], SEEDS[split])


def _is_of(folder: Path, recipe: Recipe) -> bool:
    """Whether a folder has a network that was trained with this recipe."""
    try:
        return bool(json.loads((folder / _RECIPE).read_text("utf-8")) == _identity(recipe))
    except (OSError, ValueError):
        return False


def _identity(recipe: Recipe) -> dict[str, object]:
    """What a network depends on; another version of the generator is another data set."""
    return {**asdict(recipe), "fingerprint": drawn("train").fingerprint()}


def _train(recipe: Recipe, folder: Path) -> None:
    weights = train(recipe, drawn("train"), CPU).weights
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent) as unfinished:
        made = Path(unfinished) / "network"
        made.mkdir()
        safetensors.torch.save_file(weights, made / _WEIGHTS)
        (made / _RECIPE).write_text(json.dumps(_identity(recipe), indent=2) + "\n", "utf-8")
        if folder.exists():
            folder.replace(Path(unfinished) / "old")
        made.replace(folder)
