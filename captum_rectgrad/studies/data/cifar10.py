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
from rectgrad_zoo.data.cifar10 import Split, decode_image, parquet_rows, read_cifar10
from rectgrad_zoo.data.images import CIFAR10_CLASSES, LabelledImages
from rectgrad_zoo.data.occlusion import FIXED, PER_IMAGE

# The checkpoint of each role, and the noise that it must have been trained behind.
CHECKPOINTS: dict[Role, tuple[str, str | None]] = {
    "plain": ("cifar10_cnn", None),
    "occluded": ("cifar10_cnn_occluded", FIXED),
    "noise": ("cifar10_cnn_noise", PER_IMAGE),
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
        checkpoints: names or folders that replace the zoo's checkpoints, by role.
    """

    data: str | Path
    masks: Path | None = None
    checkpoints: tuple[tuple[Role, str], ...] = ()

    name = "CIFAR-10"
    classes = CIFAR10_CLASSES
    note = ""

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

    def network(self, role: Role) -> Network:
        """See `StudyData`."""
        standard, noise = CHECKPOINTS[role]
        name = dict(self.checkpoints).get(role, standard)
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
        # Not `name`: it may be a local path, which must not be recorded in results.
        return Network(recipe.name, rectgrad_zoo.provenance(model).sha256, model, recipe)


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
        images.append(decode_image(row["img"], where, "RGB"))
        masks.append(decode_image(row["mask"], f"{where}, mask", "L") > 127)  # noqa: PLR2004
        labels.append(row["label"])
    if not set(labels) <= set(range(len(CIFAR10_CLASSES))):
        raise RectGradError(f"{folder}: labels must be 0 to 9, got {sorted(set(labels))}")
    return MaskedImages(
        images=torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous(),
        labels=torch.tensor(labels, dtype=torch.int64),
        masks=torch.from_numpy(np.stack(masks)),
    )
