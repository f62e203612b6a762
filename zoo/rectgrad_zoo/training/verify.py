"""Verification of a checkpoint: its hash and its accuracies."""

from dataclasses import dataclass
from pathlib import Path

import torch

from rectgrad_zoo.checkpoint import METRICS_FILE, RECIPE_FILE, load_folder
from rectgrad_zoo.data.read_data_set import read_data_set
from rectgrad_zoo.determinism import deterministic
from rectgrad_zoo.training.accuracy import Accuracy
from rectgrad_zoo.training.measure_checkpoint import measure_checkpoint, needs_training_set
from rectgrad_zoo.training.metrics import Metrics, read_metrics
from rectgrad_zoo.training.recipes import read_recipe
from rectgrad_zoo.weights_origin import provenance

# Devices round differently, which may change the classification of one image in a thousand.
_TOLERANCE = 0.001


@dataclass(frozen=True)
class Verification:
    """Stated and measured values of a checkpoint.

    Attributes:
        claimed: Measurements in the folder.
        sha256: SHA-256 of the weights file.
        fingerprint: Fingerprint of the given test images.
        measured: Accuracy on the given test images.
        adversarial: Accuracy on the given test images under the recipe's attack; `None` for a
            recipe without an attack.
        memorised: Accuracy on the training images by the labels of the training; `None` for a
            recipe with validation images and true labels.
        attack_success: Success rate of the recipe's backdoor on the given test images; `None` for a
            recipe without a backdoor.
    """

    claimed: Metrics
    sha256: str
    fingerprint: str
    measured: Accuracy
    adversarial: Accuracy | None = None
    memorised: Accuracy | None = None
    attack_success: Accuracy | None = None

    @property
    def problems(self) -> list[str]:
        """Descriptions of the differences; empty if there are none."""
        problems = []
        if self.sha256 != self.claimed.sha256:
            problems.append(f"the SHA-256 of the weights is not the stated {self.claimed.sha256}")
        if self.fingerprint != self.claimed.test_fingerprint:
            problems.append(
                "the test images differ from those of the card, which have the fingerprint "
                f"{self.claimed.test_fingerprint} (another encoding or another data set)"
            )
        claims = (
            ("accuracy", self.measured, self.claimed.test),
            ("adversarial accuracy", self.adversarial, self.claimed.adversarial),
            ("accuracy on the training images", self.memorised, self.claimed.memorised),
            ("success rate of the backdoor", self.attack_success, self.claimed.attack_success),
        )
        problems += [
            f"the {name} is not the stated {claimed}"
            for name, measured, claimed in claims
            if not _agree(measured, claimed)
        ]
        return problems


def verify_folder(folder: Path, data: str | Path, device: torch.device) -> Verification:
    """Recompute a checkpoint's hash and accuracies.

    Args:
        folder: A checkpoint folder with `recipe.toml` and `metrics.json`.
        data: The data set of its recipe, as for
            `rectgrad_zoo.data.read_data_set.read_data_set`.
        device: Device for the measurement.

    Returns:
        The stated and the measured values.

    Raises:
        ZooError: If a file cannot be read, or the tensors do not fit the architecture.
    """
    claimed = read_metrics(folder / METRICS_FILE)
    recipe = read_recipe(folder / RECIPE_FILE)
    images = read_data_set(recipe.data_set, data, "test")
    training = None
    if needs_training_set(recipe):
        training = read_data_set(recipe.data_set, data, "train")
    model = load_folder(folder).to(device)
    with deterministic(device):
        found = measure_checkpoint(model, recipe, images, training)
    return Verification(
        claimed=claimed,
        sha256=provenance(model).sha256,
        fingerprint=images.fingerprint(),
        measured=found.test,
        adversarial=found.adversarial,
        memorised=found.memorised,
        attack_success=found.attack_success,
    )


def _agree(measured: Accuracy | None, claimed: Accuracy | None) -> bool:
    if measured is None or claimed is None:
        return measured is claimed
    return abs(measured.value - claimed.value) <= _TOLERANCE
