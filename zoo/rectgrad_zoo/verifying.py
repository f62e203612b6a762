"""Checking that a checkpoint is what its card says: its hash, and its accuracy measured again."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch

from rectgrad_zoo.accuracy import Accuracy, measure_accuracy
from rectgrad_zoo.checkpoint import METRICS_FILE, RECIPE_FILE, WEIGHTS_FILE, load_folder
from rectgrad_zoo.data import read_cifar10
from rectgrad_zoo.metrics import Metrics, read_metrics
from rectgrad_zoo.occlusion import occluded
from rectgrad_zoo.recipes import read_recipe
from rectgrad_zoo.weights import read_bytes

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
    """

    claimed: Metrics
    sha256: str
    fingerprint: str
    measured: Accuracy

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
        if abs(self.measured.value - self.claimed.test.value) > _TOLERANCE:
            problems.append(f"the accuracy is not {self.claimed.test}")
        return problems


def verify_folder(folder: Path, data_folder: Path, device: torch.device) -> Verification:
    """Recompute a checkpoint's hash and test accuracy.

    Args:
        folder: A checkpoint folder with `recipe.toml` and `metrics.json`.
        data_folder: CIFAR-10, as `rectgrad_zoo.data.read_cifar10` reads it.
        device: Where to measure.

    Returns:
        What is claimed and what was found.

    Raises:
        ZooError: If a file cannot be read, or the tensors do not fit the architecture.
    """
    claimed = read_metrics(folder / METRICS_FILE)
    recipe = read_recipe(folder / RECIPE_FILE)
    images = read_cifar10(data_folder, "test")
    model = load_folder(folder).to(device)
    return Verification(
        claimed=claimed,
        sha256=hashlib.sha256(read_bytes(folder / WEIGHTS_FILE, None)).hexdigest(),
        fingerprint=images.fingerprint(),
        measured=measure_accuracy(model, occluded(images, recipe.occlusion)),
    )
