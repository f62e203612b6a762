"""Photographs and any network the zoo can load, as data for studies that need no more."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from timm.data.config import resolve_model_data_config

import rectgrad_zoo
from captum_rectgrad.errors import RectGradError
from captum_rectgrad.plotting.images import folder_images, photographs
from captum_rectgrad.studies.data.study_data import MaskedImages, Network
from captum_rectgrad.studies.options import Role
from rectgrad_zoo.data.cifar10 import Split
from rectgrad_zoo.data.images import LabelledImages
from rectgrad_zoo.sources import resolve

NO_LABEL = -1


@dataclass(frozen=True)
class Photographs:
    """A network, and pictures cut to its size; nothing is loaded before it is asked for.

    Attributes:
        model: as for `rectgrad_zoo.load`.
        folder: of pictures; None: those that come with scikit-image.
    """

    model: str
    folder: Path | None = None

    @property
    def name(self) -> str:
        """See `StudyData`; the network's is in it, because the pictures are cut to its size."""
        return f"photographs {'given' if self.folder else 'of scikit-image'} for {self._called}"

    @property
    def note(self) -> str:
        """See `StudyData`."""
        which = "pictures" if self.folder else "pictures that come with scikit-image, some grey"
        return (
            f"The {len(self._images)} photographs are {which}: no sample of what the network is "
            "for. Intervals tell how far these pictures agree. They have no labels; what a network "
            "predicts may be wrong."
        )

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """See `StudyData`; numbers where the names are not known."""
        model = self._network.model
        count = int(vars(model)["num_classes"])  # all of timm's have it
        return tuple(rectgrad_zoo.labels(model) or (f"class {number}" for number in range(count)))

    def images(self, split: Split) -> LabelledImages:
        """See `StudyData`; labels are `NO_LABEL`."""
        if split != "test":
            raise RectGradError(f"photographs have no training images: {_ELSE}")
        return self._images

    def masked(self) -> MaskedImages:
        """See `StudyData`."""
        raise RectGradError(f"photographs have no masks of their objects: {_ELSE}")

    def network(self, role: Role) -> Network:
        """See `StudyData`."""
        if role != "plain":
            raise RectGradError(f"there is no network {role!r} for photographs: {_ELSE}")
        return self._network

    @cached_property
    def _called(self) -> str:
        """What is said of the network: never a path."""
        source = resolve(self.model)
        return (
            source.folder.resolve().name
            if source.kind == "folder" and source.folder
            else self.model
        )

    @cached_property
    def _network(self) -> Network:
        model = rectgrad_zoo.load(self.model)
        origin, config = rectgrad_zoo.provenance(model), resolve_model_data_config(model)
        commit = f" ({origin.repo}@{origin.commit})" if origin.commit else ""
        return Network(
            name=f"{self._called}{commit}",
            sha256=origin.sha256,
            model=model,
            recipe=None,
            mean=tuple(config["mean"]),
            std=tuple(config["std"]),
        )

    @cached_property
    def _images(self) -> LabelledImages:
        """The network's transform, taken back to pixels, which it has before it normalises."""
        pictures = photographs() if self.folder is None else folder_images(self.folder)
        network = self._network
        transform = rectgrad_zoo.transform(network.model)
        seen = torch.stack([transform(picture) for picture in pictures.values()])
        mean, std = (torch.tensor(each)[:, None, None] for each in (network.mean, network.std))
        pixels = ((seen * std + mean) * 255).round().clamp(0, 255).to(torch.uint8)
        return LabelledImages(pixels, torch.full((len(pixels),), NO_LABEL))


_ELSE = "this study needs --data shapes or CIFAR-10"
