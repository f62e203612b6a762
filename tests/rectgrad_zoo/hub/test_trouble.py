"""A Hub that refuses, stalls, breaks off or is not there: one line that says why, and no harm."""

import re
import threading
import time
from pathlib import Path

import pytest
import safetensors.torch

from tests.rectgrad_zoo.hub.test_download import NAME, files_of
from tests.support.hub_client import QUICK, UNREACHABLE, Client, Job, digest_of
from tests.support.hub_server import TOKEN, HubServer
from tests.support.hub_state import Fault

# Long enough for a busy machine, short against the minutes that a stall would take by default.
_IMPATIENT = {"HF_HUB_DOWNLOAD_TIMEOUT": "2", "HF_HUB_ETAG_TIMEOUT": "2"}


def test_refusals_are_told_apart(hub: HubServer, client: Client, tiny_checkpoint: Path) -> None:
    files = files_of(tiny_checkpoint)
    for name in ("private", "gated", "forbidden", "limited", "broken", "there"):
        hub.add(f"owner/{name}", files, private=name == "private", gated=name == "gated")
    hub.faults += [
        Fault("/api/models/owner/forbidden", status=403),
        Fault("/api/models/owner/limited", status=429, headers={"Retry-After": "60"}),
        Fault("/api/models/owner/broken", status=500),
    ]
    expected = {
        "owner/private": "no repository owner/private, or it is private.*HF_TOKEN",
        "owner/gated": "owner/gated is gated.*HF_TOKEN",
        "owner/forbidden": "denied.*403.*HF_TOKEN",
        "owner/limited": "too many requests.*429.*Wait",
        "owner/broken": "server error.*500.*later",
        "owner/absent": "no repository owner/absent.*spelling",
        "owner/there@v9": "has no branch, tag or commit v9",
        "hf-hub:a/../b": "expected hf-hub:OWNER/NAME",
    }
    loaded = client.load(*expected)
    for (name, reason), found in zip(expected.items(), loaded, strict=True):
        _assert_one_line(found["error"], name)
        assert _search(reason, found["error"]), found["error"]
        assert found["seconds"] < QUICK
    afterwards = client.load("owner/forbidden", "owner/limited", "owner/broken")
    assert [found["digest"] for found in afterwards] == [digest_of(tiny_checkpoint)] * 3


def test_a_refused_token_is_named(hub: HubServer, client: Client, tiny_checkpoint: Path) -> None:
    hub.add(NAME, files_of(tiny_checkpoint))
    headers = {"X-Error-Message": "Invalid credentials in Authorization header"}
    hub.faults.append(Fault(f"/api/models/{NAME}", status=401, headers=headers))
    result = client.run("zoo", "fetch", NAME, HF_TOKEN=TOKEN[::-1])
    assert result.status == 2
    assert "the token was refused (401)" in _only_line(result.stderr)


def test_what_is_private_loads_with_a_token(
    hub: HubServer, client: Client, tiny_checkpoint: Path
) -> None:
    hub.add(NAME, files_of(tiny_checkpoint), private=True)
    (found,) = client.load(NAME, HF_TOKEN=TOKEN)
    assert found["digest"] == digest_of(tiny_checkpoint)


def test_a_download_that_stalls_or_breaks_off_is_resumed(
    hub: HubServer, client: Client, tiny_checkpoint: Path
) -> None:
    files = _padded(tiny_checkpoint)
    hub.add(NAME, files)
    hub.faults += [
        Fault("model.safetensors", send=11 * 2**20),
        Fault("model.safetensors", send=11 * 2**20, stall=3.0),
    ]
    (found,) = client.load(NAME, **_IMPATIENT)
    assert found["digest"] == digest_of(tiny_checkpoint)
    assert not hub.faults
    asked = [asked for method, path, asked in hub.requests if _is_weights(method, path)]
    starts = [int(re.sub(r"\D", "", text)) if text else 0 for text in asked]
    assert len(starts) == 3
    assert starts[0] == 0 < starts[1] < starts[2]
    assert hub.sent < len(files["model.safetensors"]) + 4 * 2**20  # and not three times the file


@pytest.mark.slow
def test_a_server_that_always_breaks_off_leaves_nothing_behind(
    hub: HubServer, client: Client, tiny_checkpoint: Path
) -> None:
    files = _padded(tiny_checkpoint)
    hub.add(NAME, files)
    hub.faults += [
        Fault("model.safetensors", send=11 * 2**20),
        Fault("model.safetensors", send=0, times=100),
    ]
    (failed,) = client.load(NAME, **_IMPATIENT)
    _assert_one_line(failed["error"], NAME)
    assert _search("the connection to .* failed", failed["error"])
    ranges = [asked for method, path, asked in hub.requests if _is_weights(method, path)]
    assert any(ranges)  # a part had been there
    assert not _weights_in(client.home)
    (offline,) = client.load(NAME, HF_HUB_OFFLINE="1")
    assert "HF_HUB_OFFLINE is set" in offline["error"]
    hub.faults.clear()
    (found,) = client.load(NAME)
    assert found["digest"] == digest_of(tiny_checkpoint)


@pytest.mark.slow
def test_an_update_that_fails_leaves_what_was_there(
    hub: HubServer, client: Client, tiny_checkpoint: Path
) -> None:
    files = files_of(tiny_checkpoint)
    first = hub.add(NAME, files)
    assert client.run("zoo", "fetch", NAME).status == 0
    hub.add(NAME, {**files, "model.safetensors": files["model.safetensors"] + b"\0"})
    hub.faults.append(Fault("model.safetensors", status=500, times=100))
    assert client.run("zoo", "fetch", NAME).status == 2
    (found,) = client.load(NAME, HF_HUB_OFFLINE="1")
    assert (found["commit"], found["digest"]) == (first, digest_of(tiny_checkpoint))


def test_no_network_and_nothing_cached_says_what_to_fetch_at_once(
    hub: HubServer, client: Client
) -> None:
    names = ("resnet50.tv_in1k", "resnet18.a1_in1k", NAME)
    unreachable = client.load(*names, HF_ENDPOINT=UNREACHABLE)
    for name, found in zip(names, unreachable, strict=True):
        _assert_one_line(found["error"], name)
        assert f"`rectgrad zoo fetch {name}`" in found["error"]
        assert _search("HF_HOME.*HF_ENDPOINT.*weights=PATH", found["error"])
        assert found["seconds"] < QUICK
    for name, found in zip(names, client.load(*names, HF_HUB_OFFLINE="1"), strict=True):
        assert f"`rectgrad zoo fetch {name}`" in found["error"]
        assert "HF_HUB_OFFLINE is set" in found["error"]
    assert not hub.requests


def test_a_hub_that_does_not_answer_is_given_up_after_its_timeout(
    hub: HubServer, client: Client
) -> None:
    given_up = threading.Event()
    hub.faults.append(Fault(f"/api/models/{NAME}", silent_until=given_up))
    (found,) = client.load(NAME, **_IMPATIENT)
    given_up.set()
    assert _search("the connection to .* failed .*Timeout.*not in the cache", found["error"])
    assert found["seconds"] < QUICK
    assert len(hub.requests) == 1


def test_what_is_not_a_hub_is_told(client: Client) -> None:
    (found,) = client.load(NAME, HF_ENDPOINT=f"{client.endpoint}/elsewhere")
    assert _search("no repository owner/tiny|not found", found["error"])
    (found,) = client.load(NAME, HF_ENDPOINT="not a url")
    _assert_one_line(found["error"], NAME)


def test_a_full_disk_is_told_and_later_there_is_room(
    hub: HubServer, client: Client, tiny_checkpoint: Path
) -> None:
    hub.add(NAME, files_of(tiny_checkpoint))
    # The kernel refuses to let a file grow further, in the middle of the weights.
    full = client.run("zoo", "fetch", NAME, largest_file=500_000)
    assert full.status == 2
    assert _search(f"Cannot get {NAME}: cannot write to the cache .*HF_HOME", full.stderr)
    assert "Traceback" not in full.stderr
    assert not _weights_in(client.home)
    (found,) = client.load(NAME)
    assert found["digest"] == digest_of(tiny_checkpoint)


@pytest.mark.slow
def test_two_processes_fetch_the_same_into_one_cache(
    hub: HubServer, client: Client, tiny_checkpoint: Path
) -> None:
    commit = hub.add(NAME, files_of(tiny_checkpoint))
    both = threading.Event()
    jobs: list[Job] = []

    def until_both_have_asked() -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not both.is_set():
            asked = [path for _, path, _ in hub.requests]
            if asked.count(f"/api/models/{NAME}") == len(jobs):
                both.set()
            time.sleep(0.01)

    hub.faults.append(Fault("model.safetensors", meanwhile=until_both_have_asked))
    jobs += [client.start("zoo", "fetch", NAME) for _ in range(2)]
    results = [job.wait() for job in jobs]
    assert [result.status for result in results] == [0, 0], results
    assert all(f"{NAME}@{commit}" in result.stdout for result in results)
    assert both.is_set()  # while the first was in the middle of the weights
    assert len(_weights_in(client.home)) == 1
    (found,) = client.load(NAME, HF_HUB_OFFLINE="1")
    assert found["digest"] == digest_of(tiny_checkpoint)


@pytest.mark.slow
def test_a_file_that_is_refused_is_told(
    hub: HubServer, client: Client, tiny_checkpoint: Path
) -> None:
    expected = {
        401: "the token was refused .401.*HF_TOKEN",
        403: "denied .403.*HF_TOKEN",
        404: "not found .404",
        429: "too many requests .429.*Wait",
    }
    for status in expected:
        hub.add(f"owner/f{status}", files_of(tiny_checkpoint))
        hub.faults.append(Fault(f"f{status}/resolve", status=status, times=100))
    names = [f"owner/f{status}" for status in expected]
    for name, reason, found in zip(names, expected.values(), client.load(*names), strict=True):
        _assert_one_line(found["error"], name)
        assert _search(reason, found["error"]), found["error"]
    hub.faults.clear()
    assert all(found["digest"] == digest_of(tiny_checkpoint) for found in client.load(*names))


def test_the_portal_of_a_network_is_told_from_the_hub(
    hub: HubServer, client: Client, tiny_checkpoint: Path
) -> None:
    hub.add(NAME, files_of(tiny_checkpoint))
    page = b"<html><body>Accept our terms</body></html>"
    hub.faults += [
        Fault("/api/models", page=page),
        Fault("model.safetensors", page=page),
    ]
    information, body, found = client.load(*[NAME] * 3)
    assert not hub.faults
    for failed in (information, body):
        _assert_one_line(failed["error"], NAME)
        assert _search("did not answer as the Hub does.*proxy", failed["error"]), failed["error"]
    assert "should be of size" in body["error"]
    assert found["digest"] == digest_of(tiny_checkpoint)


def _padded(checkpoint: Path) -> dict[str, bytes]:
    """A larger file of the same weights, without the measurements, which state another hash."""
    tensors = safetensors.torch.load_file(checkpoint / "model.safetensors")
    weights = safetensors.torch.save(tensors, metadata={"padding": 24 * 2**20 * " "})
    config = (checkpoint / "config.json").read_bytes()
    return {"config.json": config, "model.safetensors": weights}


def _search(pattern: str, text: str) -> bool:
    return re.search(pattern, text) is not None


def _assert_one_line(error: str, name: str) -> None:
    assert error.startswith(f"ZooError: Cannot get {name}: "), error
    assert "\n" not in error


def _only_line(stderr: str) -> str:
    (line,) = stderr.splitlines()
    assert line.startswith("rectgrad: error: ")
    return line


def _is_weights(method: str, path: str) -> bool:
    return method == "GET" and path.endswith("model.safetensors")


def _weights_in(home: Path) -> list[Path]:
    """Files in the cache that are as large as weights, whole or not."""
    files = [path for path in home.rglob("*") if path.is_file() and not path.is_symlink()]
    return [path for path in files if path.stat().st_size > 50_000]
