"""Photographs and any network of the zoo, as data for studies without masks and labels."""

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
    """A network, and photographs at its input size; both are loaded on first use.

    Attributes:
        model: as for `rectgrad_zoo.load`.
        folder: folder of photographs; None: those of scikit-image.
    """

    model: str
    folder: Path | None = None

    has_masks = False

    @property
    def name(self) -> str:
        """See `StudyData`. It has the network's name, since the input size is the network's."""
        return f"photographs {'given' if self.folder else 'of scikit-image'} for {self._called}"

    @property
    def note(self) -> str:
        """See `StudyData`."""
        which = "given pictures" if self.folder else "from scikit-image, some of them greyscale"
        return (
            f"The {len(self._images)} photographs are {which}: they are not a sample of the "
            "network's task, and intervals only hold for such pictures. They have no labels, so "
            "a predicted class may be wrong."
        )

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """See `StudyData`; indices if the names are unknown."""
        model = self._network.model
        count = int(vars(model)["num_classes"])  # an attribute of all timm models
        return tuple(rectgrad_zoo.labels(model) or (f"class {number}" for number in range(count)))

    def images(self, split: Split) -> LabelledImages:
        """See `StudyData`; labels are `NO_LABEL`."""
        if split != "test":
            raise RectGradError(f"photographs have no training images: {_ELSE}")
        return self._images

    def masked(self) -> MaskedImages:
        """See `StudyData`."""
        raise RectGradError(f"photographs have no masks of their objects: {_ELSE}")

    def networks(self, role: Role) -> tuple[Network, ...]:
        """See `StudyData`; the given network."""
        if role != "plain":
            raise RectGradError(f"photographs have no network {role!r}: {_ELSE}")
        return (self._network,)

    @cached_property
    def _called(self) -> str:
        """Name of the network in reports, never a path."""
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
        """Outputs of the network's transform, converted back to pixels."""
        pictures = photographs() if self.folder is None else folder_images(self.folder)
        network = self._network
        transform = rectgrad_zoo.transform(network.model)
        seen = torch.stack([transform(picture) for picture in pictures.values()])
        mean, std = (torch.tensor(each)[:, None, None] for each in (network.mean, network.std))
        pixels = ((seen * std + mean) * 255).round().clamp(0, 255).to(torch.uint8)
        return LabelledImages(pixels, torch.full((len(pixels),), NO_LABEL))


_ELSE = "this study needs --data shapes or CIFAR-10"
