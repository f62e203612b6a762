"""Publishing to a Hub that refuses, is in trouble or is not there: one line, and nothing half."""

from pathlib import Path

import pytest

from tests.rectgrad_zoo.hub.test_download import NAME, files_of
from tests.support.hub_client import UNREACHABLE, Client, Result
from tests.support.hub_server import TOKEN, HubServer
from tests.support.hub_state import Fault


def publish(client: Client, folder: Path) -> Result:
    return client.run("zoo", "publish", folder, "--repo", NAME, HF_TOKEN=TOKEN)


def assert_refused(result: Result, reason: str) -> None:
    assert result.status == 2
    assert "Traceback" not in result.stderr
    line = result.stderr.splitlines()[-1]
    assert line.startswith("rectgrad: error: Cannot publish ")
    assert reason in line


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (403, "YOU/NAME"),
        pytest.param(500, "server error (500)", marks=pytest.mark.slow),
    ],
)
def test_an_upload_that_is_refused_is_told_and_leaves_no_commit(
    status: int, reason: str, hub: HubServer, client: Client, tiny_checkpoint: Path
) -> None:
    hub.faults.append(Fault("/objects/", method="PUT", status=status, times=100))
    assert_refused(publish(client, tiny_checkpoint), reason)
    (created,) = hub.repositories["models", NAME].commits.values()
    assert not created.keys() & files_of(tiny_checkpoint).keys()
    hub.faults.clear()
    again = publish(client, tiny_checkpoint)
    assert again.status == 0, again.stderr
    assert (
        files_of(tiny_checkpoint).items()
        <= list(hub.repositories["models", NAME].commits.values())[-1].items()
    )


def test_a_commit_that_is_refused_is_told(
    hub: HubServer, client: Client, tiny_checkpoint: Path
) -> None:
    hub.faults.append(Fault("/commit/", method="POST", status=500, times=100))
    assert_refused(publish(client, tiny_checkpoint), "server error (500)")
    assert len(hub.repositories["models", NAME].commits) == 1


def test_a_card_that_the_hub_refuses_is_told_before_anything_is_made(
    hub: HubServer, client: Client, tiny_checkpoint: Path
) -> None:
    hub.faults.append(Fault("validate-yaml", method="POST", status=400, times=100))
    assert_refused(publish(client, tiny_checkpoint), "the Hub refuses the metadata of ")
    assert ("models", NAME) not in hub.repositories


def test_without_a_network_nothing_is_published(client: Client, tiny_checkpoint: Path) -> None:
    client.endpoint = UNREACHABLE
    refused = publish(client, tiny_checkpoint)
    assert_refused(refused, "failed (ConnectError")
    assert "cache" not in refused.stderr
    assert "Publishing needs network access" in refused.stderr
