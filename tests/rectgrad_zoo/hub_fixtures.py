"""Fixtures: a Hub on loopback, and a user of it whose cache is empty."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rectgrad_zoo.hub_client import Client, Forks
from tests.rectgrad_zoo.hub_server import HubServer


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    made = Forks()
    yield made
    made.close()


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        yield server


@pytest.fixture
def client(forks: Forks, hub: HubServer, tmp_path: Path) -> Client:
    outputs = tmp_path / "outputs"
    outputs.mkdir()
    return Client(forks, hub.url, tmp_path / "home", outputs)
