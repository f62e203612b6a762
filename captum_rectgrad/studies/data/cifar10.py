"""CIFAR-10, masks of some of its objects, and the zoo's networks, as data for studies."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch

import rectgrad_zoo
from captum_rectgrad.errors import RectGradError
from captum_rectgrad.studies.data.study_data import MaskedImages, Network
from captum_rectgrad.studies.options import Role
from rectgrad_zoo import registry
from rectgrad_zoo.data.cifar10 import Split, read_cifar10
from rectgrad_zoo.data.data_sets import CIFAR10
from rectgrad_zoo.data.images import CIFAR10_CLASSES, LabelledImages
from rectgrad_zoo.data.occlusion import FIXED, PER_IMAGE
from rectgrad_zoo.data.parquet import parquet_rows
from rectgrad_zoo.data.pictures import decode_image

# The checkpoints of each role, which differ by the seed of their training.
CHECKPOINTS: dict[Role, tuple[str, ...]] = {
    "plain": ("cifar10_cnn_paper", "cifar10_cnn_paper_seed1", "cifar10_cnn_paper_seed2"),
    "occluded": (
        "cifar10_cnn_occluded_paper",
        "cifar10_cnn_occluded_paper_seed1",
        "cifar10_cnn_occluded_paper_seed2",
    ),
    "noise": (
        "cifar10_cnn_noise_paper",
        "cifar10_cnn_noise_paper_seed1",
        "cifar10_cnn_noise_paper_seed2",
    ),
    "robust": ("cifar10_cnn_adversarial",),
    "held_out": ("cifar10_cnn_held_out",),
}
# Checkpoints in the package, for an installation that has no others.
_EMBEDDED: dict[Role, str] = {"plain": "cifar10_cnn", "occluded": "cifar10_cnn_occluded"}
# The noise that the networks of a role must have been trained behind.
_NOISE: dict[Role, str | None] = {
    "plain": None,
    "occluded": FIXED,
    "noise": PER_IMAGE,
    "robust": None,
    "held_out": None,
}
_EXPECTED = (
    "test-*.parquet (columns img and mask, pictures of 32 x 32 as {bytes, path}, the mask grey "
    "with 255 on the object, and label, 0 to 9)"
)


@dataclass(frozen=True)
class Cifar10:
    """CIFAR-10 from a folder or the Hub; files are read on first use.

    Attributes:
        data: as for `rectgrad_zoo.data.cifar10.read_cifar10`.
        masks: folder with `test-*.parquet` of the columns `img`, `mask` (255 on the object) and
            `label`; None: studies that need masks raise an error.
        checkpoints: names or folders that replace the zoo's checkpoints, by role; a role may occur
            several times.
    """

    data: str | Path
    masks: Path | None = None
    checkpoints: tuple[tuple[Role, str], ...] = ()

    name = "CIFAR-10"
    classes = CIFAR10_CLASSES
    note = ""

    @property
    def has_masks(self) -> bool:
        """See `StudyData`."""
        return self.masks is not None

    def images(self, split: Split) -> LabelledImages:
        """See `StudyData`."""
        return _read(self.data, split)

    def masked(self) -> MaskedImages:
        """See `StudyData`."""
        if self.masks is None:
            raise RectGradError(
                "this study needs images with masks of their objects: give a folder with "
                f"{_EXPECTED} as --masks, or name it DATA-masks. No public download of such masks "
                "is known; generated images need none: --data shapes"
            )
        return _read_masks(self.masks)

    def networks(self, role: Role) -> tuple[Network, ...]:
        """See `StudyData`."""
        given = [name for named, name in self.checkpoints if named == role]
        return tuple(self._network(role, name) for name in given or _available(role))

    def _network(self, role: Role, name: str) -> Network:
        standard, noise = CHECKPOINTS[role][0], _NOISE[role]
        model = rectgrad_zoo.load(name)
        logits = getattr(model, "num_classes", len(self.classes))
        if logits != len(self.classes):
            raise RectGradError(
                f"{name} has {logits} classes, {self.name} has {len(self.classes)}; the role "
                f"{role!r} needs a network such as {standard}"
            )
        recipe = rectgrad_zoo.recipe(name)
        found = recipe.occlusion.kind if recipe.occlusion else None
        if found != noise:
            raise RectGradError(
                f"{name} was trained behind {found or 'no'} noise; the role {role!r} needs a "
                f"network trained behind {noise or 'no'} noise, such as {standard}"
            )
        if role == "robust" and recipe.adversary is None:
            raise RectGradError(
                f"{name} was not trained on adversarial examples; the role 'robust' needs a "
                f"network such as {standard}"
            )
        # Not `name`: it may be a local path, which must not be recorded in results.
        return Network(recipe.name, rectgrad_zoo.provenance(model).sha256, model, recipe)


def _available(role: Role) -> list[str]:
    """Names of a role's checkpoints that can be loaded here, or the one to load or to miss."""
    rows = [registry.find(name) for name in CHECKPOINTS[role]]
    found = [row.name for row in rows if row is not None and registry.is_loadable(row)]
    return found or [_EMBEDDED.get(role, CHECKPOINTS[role][0])]


@cache
def _read(data: str | Path, split: Split) -> LabelledImages:
    return read_cifar10(data, split)


@cache
def _read_masks(folder: Path) -> MaskedImages:
    files = sorted(folder.glob("test-*.parquet"))
    if not files:
        raise RectGradError(
            f"no masks in {folder}: expected {_EXPECTED}. Generated images need none: --data shapes"
        )
    images, masks, labels = [], [], []
    for row, where in parquet_rows(files, ("img", "mask", "label")):
        images.append(decode_image(row["img"], where, "RGB", CIFAR10.size))
        mask = decode_image(row["mask"], f"{where}, mask", "L", CIFAR10.size)
        masks.append(mask > 127)  # noqa: PLR2004
        labels.append(row["label"])
    if not set(labels) <= set(range(len(CIFAR10_CLASSES))):
        raise RectGradError(f"{folder}: labels must be 0 to 9, got {sorted(set(labels))}")
    return MaskedImages(
        images=torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous(),
        labels=torch.tensor(labels, dtype=torch.int64),
        masks=torch.from_numpy(np.stack(masks)),
    )
