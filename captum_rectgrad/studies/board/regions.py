"""Shares of a map in a region that is known: object, noise, or trigger of a backdoor."""

from functools import partial

import torch

from captum_rectgrad.evaluation.map_metrics import share_inside
from captum_rectgrad.studies.board.column import Column, Values
from captum_rectgrad.studies.board.explained import Explained
from captum_rectgrad.studies.board.networks import NOISE_REGION, OBJECT, TRIGGER, BoardNetwork

_WITHOUT = {
    OBJECT: "the data have no masks of objects",
    NOISE_REGION: "the network was not trained behind a patch of noise",
    TRIGGER: "the network has no backdoor",
}


def region_share(kind: str, explained: Explained) -> Values:
    """Share of the absolute attribution in the region of each image.

    Args:
        kind: key of `BoardNetwork.regions`.
        explained: the method and the network.

    Returns:
        `(N,)`, in [0, 1]; NaN for a map that is zero everywhere, and for an image that is not
        valid.
    """
    found = explained.network.regions[kind]
    shares = share_inside(explained.maps(found.inputs, found.targets), found.regions)
    if found.valid is not None:
        shares = shares.masked_fill(~found.valid, torch.nan)
    values: Values = shares.numpy()
    return values


def lacks_region(kind: str, network: BoardNetwork) -> str | None:
    """Why a network has no images with a region, or None.

    Args:
        kind: key of `BoardNetwork.regions`.
        network: the network.
    """
    return None if kind in network.regions else _WITHOUT[kind]


COLUMNS = (
    Column(
        key="object",
        title="On object",
        family="localisation",
        better="higher",
        meaning="Share of the absolute attribution on the object, by its mask. A network may use "
        "the background: a low share is not always an error of the map.",
        source="Kim et al. 2019, figure 8",
        measure=partial(region_share, OBJECT),
        lacks=partial(lacks_region, OBJECT),
    ),
    Column(
        key="noise-region",
        title="In noise",
        family="localisation",
        better="lower",
        meaning="Share of the absolute attribution in a corner of noise that was the same for all "
        "training images and carries no information on the class.",
        source="Kim et al. 2019, figure 7",
        measure=partial(region_share, NOISE_REGION),
        lacks=partial(lacks_region, NOISE_REGION),
    ),
    Column(
        key="trigger",
        title="On trigger",
        family="localisation",
        better="higher",
        meaning="Share of the absolute attribution on the trigger of a backdoor, for images that "
        "the network predicts as the class of the backdoor with the trigger and not without.",
        source="after BackX; own code",
        measure=partial(region_share, TRIGGER),
        lacks=partial(lacks_region, TRIGGER),
    ),
)
