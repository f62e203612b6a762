"""Checking that a checkpoint is what its card says: its hash, and its accuracy measured again."""

from dataclasses import dataclass
from pathlib import Path

import torch

from rectgrad_zoo.checkpoint import METRICS_FILE, RECIPE_FILE, load_folder
from rectgrad_zoo.data.cifar10 import read_cifar10
from rectgrad_zoo.training.accuracy import Accuracy
from rectgrad_zoo.training.measure_checkpoint import measure_checkpoint
from rectgrad_zoo.training.metrics import Metrics, read_metrics
from rectgrad_zoo.training.recipes import read_recipe
from rectgrad_zoo.weights_origin import provenance

# Devices round differently, which may turn the decision on an image in a thousand.
_TOLERANCE = 0.001


@dataclass(frozen=True)
class Verification:
    """What a checkpoint claims and what was found.

    Attributes:
        claimed: The measurements in the folder.
        sha256: SHA-256 of the weights file as it is.
        fingerprint: Fingerprint of the test images given.
        measured: Accuracy on them.
        adversarial: Accuracy on them under the recipe's attack; `None` for a recipe without one.
        memorised: Accuracy on the training images by the recipe's random labels; `None` for a
            recipe with the true ones.
    """

    claimed: Metrics
    sha256: str
    fingerprint: str
    measured: Accuracy
    adversarial: Accuracy | None = None
    memorised: Accuracy | None = None

    @property
    def problems(self) -> list[str]:
        """What does not match, in words; empty if everything does."""
        problems = []
        if self.sha256 != self.claimed.sha256:
            problems.append(f"the weights' SHA-256 is not {self.claimed.sha256}")
        if self.fingerprint != self.claimed.test_fingerprint:
            problems.append(
                "the test images are not those of the card, whose fingerprint is "
                f"{self.claimed.test_fingerprint} (another encoding or another set)"
            )
        claims = (
            ("accuracy", self.measured, self.claimed.test),
            ("adversarial accuracy", self.adversarial, self.claimed.adversarial),
            ("accuracy on the random labels", self.memorised, self.claimed.memorised),
        )
        problems += [
            f"the {name} is not {claimed}"
            for name, measured, claimed in claims
            if not _agree(measured, claimed)
        ]
        return problems


def verify_folder(folder: Path, data: str | Path, device: torch.device) -> Verification:
    """Recompute a checkpoint's hash and its accuracies.

    Args:
        folder: A checkpoint folder with `recipe.toml` and `metrics.json`.
        data: CIFAR-10, as `rectgrad_zoo.data.cifar10.read_cifar10` takes it.
        device: Where to measure.

    Returns:
        What is claimed and what was found.

    Raises:
        ZooError: If a file cannot be read, or the tensors do not fit the architecture.
    """
    claimed = read_metrics(folder / METRICS_FILE)
    recipe = read_recipe(folder / RECIPE_FILE)
    images = read_cifar10(data, "test")
    training = read_cifar10(data, "train") if recipe.random_labels is not None else None
    model = load_folder(folder).to(device)
    found = measure_checkpoint(model, recipe, images, training)
    return Verification(
        claimed=claimed,
        sha256=provenance(model).sha256,
        fingerprint=images.fingerprint(),
        measured=found.test,
        adversarial=found.adversarial,
        memorised=found.memorised,
    )


def _agree(measured: Accuracy | None, claimed: Accuracy | None) -> bool:
    if measured is None or claimed is None:
        return measured is claimed
    return abs(measured.value - claimed.value) <= _TOLERANCE
