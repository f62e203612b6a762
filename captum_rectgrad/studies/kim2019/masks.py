"""Images with masks: which of them are chosen, and their masks at the size of a feature map."""

import torch
import torch.nn.functional as F
from torch import Tensor

from captum_rectgrad.errors import RectGradError
from captum_rectgrad.studies.data.material import MaskedImages, Network
from captum_rectgrad.studies.framework.lab import Lab

HALF = 0.5


def correct(lab: Lab, network: Network, data: MaskedImages, per_class: int | None) -> MaskedImages:
    """The first correctly classified images of each class, in their order.

    Args:
        lab: the machine.
        network: what classifies them.
        data: images with masks.
        per_class: how many of each class, where there are as many; None: all.

    Returns:
        Those images, as the network is to see them.

    Raises:
        RectGradError: there is none.
    """
    images = network.sees(data).images
    right = lab.predictions(network, images) == data.labels
    chosen: list[int] = []
    for label in range(int(data.labels.max()) + 1):
        found = torch.nonzero(right & (data.labels == label))[:, 0].tolist()
        chosen += found[:per_class]
    if not chosen:
        raise RectGradError(
            f"{network.name} is wrong about all {len(data)} images with masks; this study needs "
            "images that it classifies correctly: do their labels belong to its classes?"
        )
    index = torch.tensor(sorted(chosen), dtype=torch.int64)
    return MaskedImages(images[index], data.labels[index], data.masks[index])


def one_of_each(labels: Tensor, count: int) -> list[int]:
    """Which images to draw: the first of each class, for as many classes as there is room for.

    Args:
        labels: `(N,)`.
        count: how many to draw, at most.

    Returns:
        Their indices, by class.
    """
    values = labels.tolist()
    return [values.index(label) for label in sorted(set(values))[:count]]


def at_size(masks: Tensor, size: tuple[int, int]) -> Tensor:
    """Masks at the resolution of a feature map.

    Args:
        masks: `(N, H, W)`, bool, True on the object.
        size: height and width of the feature map.

    Returns:
        `(N, *size)`, bool: a position is the object's where the object covers at least half of the
        pixels that lie under it.
    """
    return F.adaptive_avg_pool2d(masks[:, None].float(), size)[:, 0] >= HALF
