"""The board's networks on CIFAR-10, and a network of the Hub."""

import os
from pathlib import Path

import pytest

from captum_rectgrad.studies.board.groups import known_group
from captum_rectgrad.studies.board.networks import NOISE_REGION, OBJECT
from captum_rectgrad.studies.board.regions import region_share
from tests.support.board import explained
from tests.support.hub_client import Client
from tests.support.hub_fixtures import add_smallest_of_timm, client, forks, hub  # noqa: F401
from tests.support.hub_server import HubServer

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


@pytest.mark.slow
def test_on_a_network_from_the_hub(hub: HubServer, client: Client, tmp_path: Path) -> None:  # noqa: F811
    """Its name in reports has the repository; the folder of its cells has not."""
    name, _ = add_smallest_of_timm(hub)
    out = tmp_path / "out"
    words = ("board", "--preset", "smoke", "--model", name, "--rows", "random,saliency")
    for _ in range(2):
        done = client.run(*words, "--columns", "cost,sparseness", "--out", out)
        assert done.status == 0, done.stderr
    assert "4 of 4 cells are in" in done.stderr
    assert [file.name for file in (out / "cells").iterdir()] == [name]
    assert f"## {name}" in (out / "report.md").read_text()
