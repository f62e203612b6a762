"""Selection of images with masks, and masks at the size of a feature map."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from captum_rectgrad.errors import RectGradError
from captum_rectgrad.studies.data.study_data import MaskedImages, Network
from captum_rectgrad.studies.framework.context import StudyContext

HALF = 0.5


def correct(
    context: StudyContext,
    networks: Sequence[Network],
    data: MaskedImages,
    per_class: int | None,
) -> MaskedImages:
    """The first images of each class that all networks classify correctly, in their order.

    Args:
        context: its device and batch size are used.
        networks: the classifying networks, with the same noise.
        data: images with masks.
        per_class: number of images of each class, at most; None: all.

    Returns:
        These images, with the networks' noise.

    Raises:
        RectGradError: no image is classified correctly.
    """
    images = networks[0].with_occlusion(data).images
    right = right_of_all(context, networks, images, data.labels)
    chosen: list[int] = []
    for label in range(int(data.labels.max()) + 1):
        found = torch.nonzero(right & (data.labels == label))[:, 0].tolist()
        chosen += found[:per_class]
    if not chosen:
        raise RectGradError(
            f"{names_of(networks)} is wrong about all {len(data)} images with masks, expected at "
            "least one correct; check that the labels are the network's classes"
        )
    index = torch.tensor(sorted(chosen), dtype=torch.int64)
    return MaskedImages(images[index], data.labels[index], data.masks[index])


def right_of_all(
    context: StudyContext, networks: Sequence[Network], images: Tensor, labels: Tensor
) -> Tensor:
    """The images that all networks classify correctly.

    Args:
        context: its device and batch size are used.
        networks: the classifying networks.
        images: `(N, 3, H, W)`, with the networks' noise.
        labels: `(N,)`.

    Returns:
        `(N,)`, bool.
    """
    right = torch.ones_like(labels, dtype=torch.bool)
    for network in networks:
        right &= context.predictions(network, images) == labels
    return right


def names_of(networks: Sequence[Network]) -> str:
    """The names of networks in words; of several, that each one is meant."""
    names = ", ".join(network.name for network in networks)
    return names if len(networks) == 1 else f"each of {names}"


def one_of_each(labels: Tensor, count: int) -> list[int]:
    """Indices of images to plot: the first of each class.

    Args:
        labels: `(N,)`.
        count: maximum number of images.

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
        `(N, *size)`, bool: a position belongs to the object if the object covers at least half of
        the pixels under it.
    """
    return F.adaptive_avg_pool2d(masks[:, None].float(), size)[:, 0] >= HALF
