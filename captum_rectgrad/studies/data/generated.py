"""Generated shapes on textures, and small networks trained on them, as data for studies."""

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

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
from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.input_files import read_json_object
from rectgrad_zoo.training.adversary import Adversary
from rectgrad_zoo.training.recipes import BEST_VALIDATION, LAST, DataRecipe, Recipe, TrainingRecipe
from rectgrad_zoo.training.train import train
from rectgrad_zoo.weights import read_bytes
from rectgrad_zoo.written_whole import write_bytes, write_text

SIZES: dict[Split, int] = {"train": 6000, "test": 1000}
SEEDS: dict[Split, int] = {"train": 1, "test": 2}
CPU = torch.device("cpu")
_PATCH = 10  # pixels, as for CIFAR-10
_HELD_OUT = 2000
# As in the recipe of cifar10_cnn_adversarial.
_ATTACK = Adversary(epsilon=8, step=10, steps=1, test_step=2, test_steps=10)
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
    has_masks = True

    def images(self, split: Split) -> LabelledImages:
        """See `StudyData`."""
        return drawn(split)

    def masked(self) -> MaskedImages:
        """See `StudyData`."""
        return drawn("test")

    def networks(self, role: Role) -> tuple[Network, ...]:
        """See `StudyData`; one network, since it is trained on first use."""
        recipe, folder = recipe_of(role), self.folder / f"shapes-{role}"
        content = _kept(recipe, folder) or _trained(recipe, folder)
        model = timm.create_model(recipe.architecture, num_classes=len(SHAPE_CLASSES)).eval()
        model.load_state_dict(safetensors.torch.load(content))
        return (Network(recipe.name, hashlib.sha256(content).hexdigest(), model, recipe),)


def recipe_of(role: Role) -> Recipe:
    """The recipe of a role's network.

    Args:
        role: see `Role`.

    Returns:
        Five epochs of Adam, in the fastest precision of this machine.
    """
    noise = {"occluded": FIXED, "noise": PER_IMAGE}.get(role)
    held_out = role == "held_out"  # no choice of the epoch by these images
    return Recipe(
        name=f"shapes-{role}",
        architecture="cifar10_cnn",
        description="Shapes on textures, generated.",
        data=DataRecipe(
            name="shapes", validation_size=_HELD_OUT if held_out else 500, validation_seed=0
        ),
        training=TrainingRecipe(
            optimizer="adam",
            learning_rate=0.001,
            batch_size=64,
            epochs=5,
            seed=0,
            keep=LAST if held_out else BEST_VALIDATION,
            precision=precision_of(CPU),
        ),
        occlusion=Occlusion(_PATCH, seed=0, kind=noise) if noise else None,
        adversary=_ATTACK if role == "robust" else None,
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


def _kept(recipe: Recipe, folder: Path) -> bytes | None:
    """The weights in a folder; None if they are damaged, or were trained with another recipe."""
    try:
        content, _ = read_bytes(folder / _WEIGHTS)
        found = read_json_object(folder / _RECIPE)
    except (OSError, ZooError):
        return None
    return content if found == _identity(recipe, content) else None


def _identity(recipe: Recipe, weights: bytes) -> dict[str, object]:
    """What a network depends on, and its hash; another version of the generator is other data."""
    made = {**asdict(recipe), "fingerprint": drawn("train").fingerprint()}
    return {**made, "sha256": hashlib.sha256(weights).hexdigest()}


def _trained(recipe: Recipe, folder: Path) -> bytes:
    """Train a network and keep its weights.

    Two processes may do this at the same time: weights of one process beside the recipe of the
    other do not have its hash.
    """
    run = train(recipe, drawn("train"), CPU, num_classes=len(SHAPE_CLASSES))
    content = safetensors.torch.save(run.weights)
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes(folder / _WEIGHTS, content)
    write_text(folder / _RECIPE, json.dumps(_identity(recipe, content), indent=2) + "\n")
    return content
