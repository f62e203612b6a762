"""What studies work on: images, masks of their objects, trained networks."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from captum_rectgrad.studies.options import Role
from rectgrad_zoo.data.cifar10 import Split
from rectgrad_zoo.data.images import LabelledImages
from rectgrad_zoo.data.occlusion import Occlusion, occluded
from rectgrad_zoo.training.recipes import Recipe


@dataclass(frozen=True, eq=False)
class MaskedImages(LabelledImages):
    """Images whose objects are known.

    Attributes:
        masks: Tensor of shape `(N, H, W)`, bool, True on the object.
    """

    masks: Tensor


@dataclass(frozen=True, eq=False)
class Network:
    """A trained network and what is known of it.

    Attributes:
        name: of the recipe, or what the zoo was asked for; never a path.
        sha256: of its weights, hexadecimal.
        model: in eval mode, on the CPU.
        recipe: how it was trained; its noise is in every image it is shown. None: not by a recipe
            of the zoo's.
        mean: of each channel, subtracted from values in [0, 1].
        std: what they are then divided by.
    """

    name: str
    sha256: str
    model: nn.Module
    recipe: Recipe | None
    mean: tuple[float, ...] = (0.5, 0.5, 0.5)
    std: tuple[float, ...] = (0.5, 0.5, 0.5)

    @property
    def occlusion(self) -> Occlusion | None:
        """The noise it was trained behind, if any."""
        return self.recipe.occlusion if self.recipe else None

    def inputs(self, images: Tensor) -> Tensor:
        """Pixels as the network takes them, by the same operations as timm's transform.

        Args:
            images: `(N, 3, H, W)`, uint8, of the network's size.

        Returns:
            `(N, 3, H, W)`, float32.
        """
        mean, std = (torch.tensor(each)[:, None, None] for each in (self.mean, self.std))
        return images.float().div_(255).sub_(mean).div_(std)

    def with_occlusion(self, data: LabelledImages) -> LabelledImages:
        """The images with the noise that the network was trained behind, if any.

        Args:
            data: a whole data set, so that noise of each image's own is the image's own.

        Returns:
            The same labels, and the images with the noise.
        """
        return occluded(data, self.occlusion)


class StudyData(Protocol):
    """Images, masks and networks that belong together."""

    @property
    def name(self) -> str:
        """What reports call it."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, by label."""

    @property
    def note(self) -> str:
        """What a reader of every report on it has to know; empty: nothing."""

    def images(self, split: Split) -> LabelledImages:
        """All images of a split, in a fixed order.

        Raises:
            RectGradError: they are not here; says where to get them.
        """

    def masked(self) -> MaskedImages:
        """Images that no network was trained on, with the masks of their objects.

        Raises:
            RectGradError: they are not here; says where to get them.
        """

    def network(self, role: Role) -> Network:
        """The network that was trained on plain images, behind one patch, or behind noise.

        Raises:
            RectGradError: it is not here, or is not what its role needs.
        """
