"""What studies work on: images, masks of their objects, trained networks."""

from dataclasses import dataclass
from typing import Literal, Protocol

from torch import Tensor, nn

from rectgrad_zoo.data import LabelledImages
from rectgrad_zoo.occlusion import occluded
from rectgrad_zoo.reading import Split
from rectgrad_zoo.recipes import Recipe

Role = Literal["plain", "occluded", "noise"]


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
        name: of the recipe; never a path.
        sha256: of its weights, hexadecimal.
        model: in eval mode, on the CPU.
        recipe: how it was trained; its noise is in every image it is shown.
    """

    name: str
    sha256: str
    model: nn.Module
    recipe: Recipe

    def sees(self, data: LabelledImages) -> LabelledImages:
        """The images with the noise that the network was trained behind, if any.

        Args:
            data: a whole data set, so that noise of each image's own is the image's own.

        Returns:
            The same labels, and the images with the noise.
        """
        return occluded(data, self.recipe.occlusion)


class Material(Protocol):
    """Images, masks and networks that belong together."""

    @property
    def name(self) -> str:
        """What reports call it."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, by label."""

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
