"""A server that means harm: no answer writes outside the cache, waits without end or fills memory.

`HF_ENDPOINT` may name a hostile mirror, or a network may answer in the Hub's place.
"""

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.rectgrad_zoo.hub.test_download import NAME, downloads, files_of, sha256_of
from tests.support.hub_client import Client, digest_of
from tests.support.hub_server import TOKEN, HubServer
from tests.support.hub_state import Fault

# Limits that a test can wait for; the defaults are an hour, a minute and 10 GiB.
IMPATIENT = {"RECTGRAD_HUB_SECONDS": "3", "RECTGRAD_HUB_WAIT": "2"}
SOON = 20  # seconds, on a busy machine


def outside(client: Client) -> dict[str, bytes]:
    """Everything beside the home folder of the user, who owns the machine."""
    folder = client.home.parent
    files = [file for file in folder.rglob("*") if client.home not in (file, *file.parents)]
    return {str(file): file.read_bytes() if file.is_file() else b"" for file in files}


@pytest.fixture
def victim(client: Client) -> Path:
    """A file of the user's that is no part of the cache."""
    file = client.home.parent / "thesis.txt"
    file.write_text("four years of work")
    return file


def hostile_tags(client: Client, victim: Path) -> list[str]:
    """Absolute and relative paths in the place of a hash."""
    blobs = client.home / "hub" / "models--owner--tiny" / "blobs"
    up = "/".join([".."] * (len(blobs.parts) - 1))
    return [str(victim), up + str(victim), str(victim.with_name("new")), "../../../../../new"]


def test_no_etag_chooses_the_file_that_is_written(
    hub: HubServer, client: Client, victim: Path, tiny_checkpoint: Path
) -> None:
    hub.add(NAME, files_of(tiny_checkpoint))
    before = outside(client)
    for tag in hostile_tags(client, victim):
        headers = {"ETag": f'"{tag}"', "X-Linked-Etag": f'"{tag}"'}
        hub.faults = [
            Fault("/resolve/", method=method, headers=headers, times=100)
            for method in ("HEAD", "GET")
        ]
        result = client.run("zoo", "fetch", NAME)
        assert outside(client) == before, tag
        assert result.status == 0, result.stderr  # what arrived is what the listing states


def test_no_commit_in_a_header_chooses_the_file_that_is_written(
    hub: HubServer, client: Client, victim: Path, tiny_checkpoint: Path
) -> None:
    hub.add(NAME, files_of(tiny_checkpoint))
    before = outside(client)
    for commit in (str(victim.with_name("new")), "../../../../../new"):
        headers = {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit}
        for path in ("config.json", "README.md"):
            hub.faults = [
                Fault(path, method="HEAD", status=404, headers=headers, times=100),
                Fault(path, status=404, headers=headers, times=100),
            ]
            shutil.rmtree(client.home, ignore_errors=True)
            assert client.run("zoo", "fetch", NAME).status == 2
            assert outside(client) == before
        hub.faults = [
            Fault("/resolve/", method=method, headers={"X-Repo-Commit": commit}, times=100)
            for method in ("HEAD", "GET")
        ]
        client.run("zoo", "fetch", NAME)
        assert outside(client) == before


def changed_listing(change: Callable[[dict[str, Any]], object]) -> Fault:
    """The information about a repository, changed by a function of its JSON."""

    def apply(content: bytes) -> bytes:
        listing = json.loads(content)
        change(listing)
        return json.dumps(listing).encode()

    return Fault("/api/models", change=apply, times=1)


def _set(key: str, value: object) -> Callable[[dict[str, Any]], object]:
    return lambda listing: listing.update({key: value})


def _set_of_files(key: str, value: object) -> Callable[[dict[str, Any]], object]:
    return lambda listing: [file.update({key: value}) for file in listing["siblings"]]


def test_a_listing_is_held_to_its_format_before_a_file_is_asked_for(
    hub: HubServer, client: Client, victim: Path, tiny_checkpoint: Path
) -> None:
    hub.add(NAME, files_of(tiny_checkpoint))
    before = outside(client)
    path, sha256 = str(victim), sha256_of(tiny_checkpoint)
    lfs = {"size": 10, "sha256": path, "pointerSize": 130}
    changes = {
        "commit": [_set("sha", text) for text in (path, "../../x", "A" * 40, "main", "", 7, None)],
        "files": [_set("siblings", value) for value in (None, 7, {"a": 1}, [7])],
        "hash": [
            lambda listing: (
                [file.pop("lfs", None) for file in listing["siblings"]]
                + [file.update(blobId=path) for file in listing["siblings"]]
            ),
            lambda listing: (
                [file.pop("lfs", None) for file in listing["siblings"]]
                + [file.pop("blobId") for file in listing["siblings"]]
            ),
            _set_of_files("lfs", lfs),
            _set_of_files("lfs", {**lfs, "sha256": f"../{sha256}"}),
            _set_of_files("lfs", {**lfs, "sha256": sha256.upper()}),
            _set_of_files("lfs", {"size": 10}),
            _set_of_files("lfs", 7),
        ],
        "size": [
            _set_of_files("lfs", {**lfs, "sha256": sha256, "size": size})
            for size in (-1, None, "7", True, 1.5)
        ],
    }
    asked = [change for each in changes.values() for change in each]
    hub.faults = [changed_listing(change) for change in asked]
    for found in client.load(*[NAME] * len(asked)):
        assert re.match(
            f"ZooError: Cannot get {NAME}: .* did not answer as the Hub does", found["error"]
        )
    assert not hub.faults
    assert not downloads(hub)
    assert outside(client) == before
    (found,) = client.load(NAME)
    assert found["digest"] == digest_of(tiny_checkpoint)


def test_another_commit_than_the_one_asked_for_is_refused(
    hub: HubServer, client: Client, tiny_checkpoint: Path
) -> None:
    files = files_of(tiny_checkpoint)
    asked, other = hub.add(NAME, files), hub.add(NAME, {**files, "README.md": b"other"})
    hub.faults = [changed_listing(_set("sha", other))]
    refused, found = client.load(*[f"{NAME}@{asked}"] * 2)
    assert f"sent the commit {other}" in refused["error"]
    assert found["commit"] == asked


def test_a_token_is_not_sent_to_another_host(
    hub: HubServer, client: Client, tiny_checkpoint: Path
) -> None:
    commit = hub.add(NAME, files_of(tiny_checkpoint), private=True)
    place = f"/owner/public/resolve/{hub.add('owner/public', files_of(tiny_checkpoint))}"
    elsewhere = hub.url.replace("127.0.0.1", "localhost") + place
    for name in ("model.safetensors", "config.json"):
        headers = {"Location": f"{elsewhere}/{name}"}
        hub.faults += [
            Fault(f"{commit}/{name}", method=method, status=302, headers=headers)
            for method in ("HEAD", "GET")
        ]
    (found,) = client.load(NAME, HF_TOKEN=TOKEN, NO_PROXY="127.0.0.1,localhost")
    assert found["digest"] == digest_of(tiny_checkpoint)
    assert ("GET", f"{place}/model.safetensors", None) in hub.requests
    assert {host.split(":")[0] for host, _ in hub.authorized} == {"127.0.0.1"}


def test_redirects_without_end_are_given_up(
    hub: HubServer, client: Client, tiny_checkpoint: Path
) -> None:
    commit = hub.add(NAME, files_of(tiny_checkpoint))
    place = f"{hub.url}/{NAME}/resolve/{commit}/model.safetensors"
    hub.faults = [
        Fault(
            "model.safetensors", method=method, status=302, headers={"Location": place}, times=200
        )
        for method in ("HEAD", "GET")
    ]
    (found,) = client.load(NAME, **IMPATIENT)
    assert "redirects" in found["error"]
    assert found["seconds"] < SOON


def test_a_wait_that_the_server_asks_for_has_a_limit(
    hub: HubServer, client: Client, tiny_checkpoint: Path
) -> None:
    hub.add(NAME, files_of(tiny_checkpoint))
    busy = {"Retry-After": "1000000"}
    short = {"Retry-After": "1"}
    hub.faults = [
        Fault("/api/models", status=429, headers=busy),
        Fault("model.safetensors", status=429, headers=busy),
        Fault("model.safetensors", status=429, headers=short),
    ]
    listing, file, found = client.load(*[NAME] * 3, **IMPATIENT)
    for refused in (listing, file):
        assert re.search(r"too many requests \(429\)", refused["error"])
        assert refused["seconds"] < SOON
    assert found["digest"] == digest_of(tiny_checkpoint)
    assert not hub.faults


@pytest.mark.parametrize("path", ["/api/models", "model.safetensors"])
@pytest.mark.parametrize("headers", [False, True])
def test_an_answer_of_a_byte_at_a_time_has_a_time_limit(
    hub: HubServer, client: Client, tiny_checkpoint: Path, path: str, headers: bool
) -> None:
    hub.add(NAME, files_of(tiny_checkpoint))
    hub.faults = [Fault(path, drip=0.3, drip_headers=headers, times=100)]
    (found,) = client.load(NAME, **IMPATIENT)
    assert re.search(r"not complete after 3 s.*RECTGRAD_HUB_SECONDS", found["error"])
    assert found["seconds"] < SOON


@pytest.mark.parametrize("path", ["/api/models", "config.json", "model.safetensors"])
def test_an_answer_without_end_is_read_to_its_stated_size(
    hub: HubServer, client: Client, tiny_checkpoint: Path, path: str
) -> None:
    hub.add(NAME, files_of(tiny_checkpoint))
    hub.faults = [Fault(path, endless=True, times=100)]
    (found,) = client.load(NAME, RECTGRAD_HUB_SECONDS="60")
    assert re.search("more than the [0-9,]+ bytes", found["error"])
    assert hub.sent < 2**28


def test_the_largest_size_of_weights_can_be_set(
    hub: HubServer, client: Client, tiny_checkpoint: Path
) -> None:
    hub.add(NAME, files_of(tiny_checkpoint))
    hub.faults = [changed_listing(_set_of_files("lfs", {"size": 10**15, "sha256": "0" * 64}))]
    (refused,) = client.load(NAME)
    assert "lists model.safetensors with 1,000,000,000,000,000 bytes" in refused["error"]
    (refused,) = client.load(NAME, RECTGRAD_MOST_BYTES="1000")
    assert "RECTGRAD_MOST_BYTES" in refused["error"]
    assert not downloads(hub)
    (wrong,) = client.load(NAME, RECTGRAD_MOST_BYTES="many")
    assert "RECTGRAD_MOST_BYTES is 'many', expected" in wrong["error"]


def test_a_listing_of_extreme_nesting_is_one_line(hub: HubServer, client: Client) -> None:
    hub.add(NAME, {})
    hub.faults = [Fault("/api/models", page=b"[" * 10**6)]
    (found,) = client.load(NAME)
    assert "did not answer as the Hub does" in found["error"]
    assert "\n" not in found["error"]


def test_files_of_killed_downloads_are_removed_and_those_of_others_are_kept(
    hub: HubServer, client: Client, tiny_checkpoint: Path
) -> None:
    hub.add(NAME, files_of(tiny_checkpoint))
    blobs = client.home / "hub" / "models--owner--tiny" / "blobs"
    blobs.mkdir(parents=True)
    left, current = blobs / ".0123.unfinished", blobs / ".4567.unfinished"
    for file in (left, current):
        file.write_bytes(b"half")
    os.utime(left, (0, 0))
    assert client.run("zoo", "fetch", NAME).status == 0
    assert (left.exists(), current.exists()) == (False, True)
