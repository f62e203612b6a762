"""The board's networks on CIFAR-10."""

import os
from pathlib import Path

import pytest

from captum_rectgrad.studies.board.groups import known_group
from captum_rectgrad.studies.board.networks import NOISE_REGION, OBJECT
from captum_rectgrad.studies.board.regions import region_share
from tests.support.board import explained

DATA = Path(os.environ.get("RECTGRAD_DATA", Path(__file__).parents[3] / "shared" / "data"))


@pytest.mark.data
def test_occluded_networks_have_masks_and_noise() -> None:
    if not (DATA / "cifar10").is_dir():
        pytest.skip("CIFAR-10 is not beside the repository")
    group = known_group("cifar10_cnn_occluded", f"{DATA}/cifar10", DATA / "cifar10-masks", 20)
    for network in group.networks:
        assert set(network.regions) == {OBJECT, NOISE_REGION}
        # A uniform map has 64 of 1024 pixels in the corner.
        share = region_share(NOISE_REGION, explained("saliency", network))
        assert share.mean() < 64 / 1024
    (first, *others) = group.networks
    assert all(network.inputs.equal(first.inputs) for network in others)
