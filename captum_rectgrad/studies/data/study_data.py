"""Data of studies: images, object masks, trained networks."""

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
    """Images with masks of their objects.

    Attributes:
        masks: Tensor of shape `(N, H, W)`, bool, True on the object.
    """

    masks: Tensor


@dataclass(frozen=True, eq=False)
class Network:
    """A trained network and its provenance.

    Attributes:
        name: name of the recipe, or the requested name in the zoo; never a path.
        sha256: SHA-256 of the weights, hexadecimal.
        model: in eval mode, on the CPU.
        recipe: the training recipe; its noise is added to every image. None: the network was not
            trained with a recipe of the zoo.
        mean: mean of each channel, subtracted from values in [0, 1].
        std: standard deviation of each channel, the divisor after the subtraction.
    """

    name: str
    sha256: str
    model: nn.Module
    recipe: Recipe | None
    mean: tuple[float, ...] = (0.5, 0.5, 0.5)
    std: tuple[float, ...] = (0.5, 0.5, 0.5)

    @property
    def occlusion(self) -> Occlusion | None:
        """The noise that the network was trained behind, or None."""
        return self.recipe.occlusion if self.recipe else None

    def inputs(self, images: Tensor) -> Tensor:
        """Inputs of the network from pixels, by the same operations as timm's transform.

        Args:
            images: `(N, 3, H, W)`, uint8, of the network's input size.

        Returns:
            `(N, 3, H, W)`, float32.
        """
        mean, std = (torch.tensor(each)[:, None, None] for each in (self.mean, self.std))
        return images.float().div_(255).sub_(mean).div_(std)

    def with_occlusion(self, data: LabelledImages) -> LabelledImages:
        """The images with the noise that the network was trained behind, if any.

        Args:
            data: a whole data set, since noise of each image depends on its index.

        Returns:
            The images with the noise, and the same labels.
        """
        return occluded(data, self.occlusion)


class StudyData(Protocol):
    """Images, masks and networks of one data set."""

    @property
    def name(self) -> str:
        """Name in reports."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, by label."""

    @property
    def note(self) -> str:
        """A note for every report on these data; may be empty."""

    @property
    def has_masks(self) -> bool:
        """Whether there are images with masks, for studies that use them where there are any."""

    def images(self, split: Split) -> LabelledImages:
        """All images of a split, in a fixed order.

        Raises:
            RectGradError: the images are not available; the message says how to get them.
        """

    def masked(self) -> MaskedImages:
        """Images that no network was trained on, with masks of their objects.

        Raises:
            RectGradError: the images are not available; the message says how to get them.
        """

    def networks(self, role: Role) -> tuple[Network, ...]:
        """Networks trained on plain images, behind one patch, or behind noise; at least one.

        Raises:
            RectGradError: a network is not available, or does not fit its role.
        """
