"""Fixtures: a Hub on loopback, and a user of it whose cache is empty."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import safetensors.torch
import timm

from tests.support.hub_client import Client, Forks
from tests.support.hub_server import HubServer


@pytest.fixture(scope="session")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    with HubServer() as server:
        made = Forks(server, tmp_path_factory.mktemp("user") / "home")
        yield made
        made.close()


@pytest.fixture
def hub(forks: Forks) -> HubServer:
    forks.server.reset()
    return forks.server


@pytest.fixture
def client(forks: Forks, hub: HubServer, tmp_path: Path) -> Client:
    shutil.rmtree(forks.home, ignore_errors=True)
    outputs = tmp_path / "outputs"
    outputs.mkdir()
    return Client(forks, hub.url, forks.home, outputs)


def add_smallest_of_timm(hub: HubServer) -> tuple[str, str]:
    """Make the repository of timm's smallest network, with random weights.

    Returns:
        Its name in timm, and the commit.
    """
    name = "test_resnet.r160_in1k"
    config = {"architecture": "test_resnet", "num_classes": 1000, "pretrained_cfg": {}}
    weights = safetensors.torch.save(timm.create_model("test_resnet").state_dict())
    files = {"config.json": json.dumps(config).encode(), "model.safetensors": weights}
    return name, hub.add(f"timm/{name}", files)
