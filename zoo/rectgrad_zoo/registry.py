"""The zoo's table: one row for each checkpoint that has a name of its own."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Checkpoint:
    """One row of the table.

    Attributes:
        name: What `rectgrad_zoo.load` is asked for.
        architecture: Name of the timm architecture.
        data: What it was trained on.
        source: `embedded`: in this package, under `checkpoints/`; `package`: in another package
            from the registry, installed as an extra.
        sha256: SHA-256 of the weights file, hexadecimal.
        license: License of the weights.
        purpose: What it is for.
    """

    name: str
    architecture: str
    data: str
    source: Literal["embedded", "package"]
    sha256: str
    license: str
    purpose: str


CHECKPOINTS = (
    Checkpoint(
        name="cifar10_cnn",
        architecture="cifar10_cnn",
        data="CIFAR-10",
        source="embedded",
        sha256="89d8d7066313547b4e5fca59ec5142311609bec6858edc8779faaa9ff804b17e",
        license="BSD-3-Clause",
        purpose="the CNN of Kim et al. 2019, appendix F.2",
    ),
    Checkpoint(
        name="cifar10_cnn_occluded",
        architecture="cifar10_cnn",
        data="CIFAR-10 behind a fixed 10 x 10 noise patch",
        source="embedded",
        sha256="f2c317e2c8fc1fe302f1727855678a391d45487ac5188158bba06628a77244f3",
        license="BSD-3-Clause",
        purpose="how much attribution falls on a region without information",
    ),
    Checkpoint(
        name="tf_efficientnet_lite0",
        architecture="tf_efficientnet_lite0",
        data="ImageNet-1k",
        source="package",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        license="Apache-2.0",
        purpose="photographs at 224 x 224 without a download",
    ),
)


def names() -> list[str]:
    """Names of the zoo's checkpoints."""
    return [checkpoint.name for checkpoint in CHECKPOINTS]


def find(name: str) -> Checkpoint | None:
    """The row of a name, or `None` if the zoo has no such checkpoint."""
    return next((checkpoint for checkpoint in CHECKPOINTS if checkpoint.name == name), None)


def embedded_folder(checkpoint: Checkpoint) -> Path:
    """Folder of an embedded checkpoint."""
    return Path(__file__).parent / "checkpoints" / checkpoint.name
