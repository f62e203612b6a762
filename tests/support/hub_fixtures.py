"""Fixtures: a Hub on loopback, and a user of it whose cache is empty."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

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
