"""Publish, fetch and load: the real clients, over loopback, to a Hub."""

import json
from pathlib import Path

import pytest

from rectgrad_zoo.hub.names import is_repository
from rectgrad_zoo.registry import CHECKPOINTS, OWNER, Checkpoint
from tests.support.hub_client import ROOT, UNREACHABLE, Client, digest_of
from tests.support.hub_fixtures import add_smallest_of_timm
from tests.support.hub_server import TOKEN, HubServer
from tests.support.hub_state import Fault

NAME = "owner/tiny"


def files_of(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def sha256_of(folder: Path) -> str:
    return str(json.loads((folder / "metrics.json").read_text())["sha256"])


def downloads(hub: HubServer) -> list[str]:
    return [path for method, path, _ in hub.requests if method == "GET" and "/resolve/" in path]


def test_what_is_published_is_what_is_loaded(
    hub: HubServer, client: Client, tiny_checkpoint: Path
) -> None:
    published = client.run("zoo", "publish", tiny_checkpoint, "--repo", NAME, HF_TOKEN=TOKEN)
    assert published.status == 0, published.stderr
    repository = hub.repositories["models", NAME]
    assert not repository.private
    created, commit = repository.commits
    assert f"revision  {commit}" in published.stdout
    assert f"SHA-256   {sha256_of(tiny_checkpoint)}" in published.stdout
    there = repository.commits[commit]
    assert files_of(tiny_checkpoint).items() <= there.items()
    assert there.keys() - files_of(tiny_checkpoint).keys() == repository.commits[created].keys()

    (found,) = client.load(NAME)
    assert found.pop("digest") == digest_of(tiny_checkpoint)
    assert found.pop("dtypes") == ["torch.float32"]
    assert found == {
        "name": NAME,
        "source": "hub",
        "architecture": "cifar10_cnn",
        "sha256": sha256_of(tiny_checkpoint),
        "data": None,
        "repo": NAME,
        "commit": commit,
        "pinned": False,
    }


def test_publishing_again_without_a_change_makes_no_commit(
    hub: HubServer, client: Client, tiny_checkpoint: Path
) -> None:
    commit = hub.add(NAME, files_of(tiny_checkpoint))
    again = client.run("zoo", "publish", tiny_checkpoint, "--repo", NAME, HF_TOKEN=TOKEN)
    assert again.status == 0, again.stderr
    assert list(hub.repositories["models", NAME].commits) == [commit]
    assert f"revision  {commit}" in again.stdout


def test_a_dry_run_asks_the_hub_nothing(
    hub: HubServer, client: Client, tiny_checkpoint: Path
) -> None:
    dry = client.run("zoo", "publish", tiny_checkpoint, "--repo", NAME, "--dry-run")
    assert dry.status == 0, dry.stderr
    assert not hub.requests
    assert "nothing was uploaded" in dry.stdout
    assert all(file.name in dry.stdout for file in tiny_checkpoint.iterdir())
    assert sha256_of(tiny_checkpoint) in dry.stdout


@pytest.mark.slow
def test_private_is_private_or_nothing_is_sent(
    hub: HubServer, client: Client, tiny_checkpoint: Path
) -> None:
    command = ("zoo", "publish", tiny_checkpoint, "--private", "--repo")
    made = client.run(*command, NAME, HF_TOKEN=TOKEN)
    assert made.status == 0, made.stderr
    assert hub.repositories["models", NAME].private
    (found,) = client.load(NAME, HF_TOKEN=TOKEN)
    assert found["sha256"] == sha256_of(tiny_checkpoint)

    commit = hub.add("owner/public", {"README.md": b""})
    refused = client.run(*command, "owner/public", HF_TOKEN=TOKEN)
    assert refused.status == 2
    assert "exists and is public" in refused.stderr
    assert list(hub.repositories["models", "owner/public"].commits) == [commit]


def test_without_private_the_owner_decides(
    hub: HubServer, client: Client, tiny_checkpoint: Path
) -> None:
    hub.private_by_default = True
    made = client.run("zoo", "publish", tiny_checkpoint, "--repo", NAME, HF_TOKEN=TOKEN)
    assert made.status == 0, made.stderr
    assert hub.repositories["models", NAME].private


def test_publishing_without_a_token_says_so(client: Client, tiny_checkpoint: Path) -> None:
    refused = client.run("zoo", "publish", tiny_checkpoint, "--repo", NAME)
    assert refused.status == 2
    assert refused.stderr.splitlines()[-1].startswith("rectgrad: error: Cannot publish")
    assert "Set HF_TOKEN to a token with write access" in refused.stderr


def test_what_was_fetched_loads_without_a_network(
    hub: HubServer, client: Client, tiny_checkpoint: Path
) -> None:
    commit = hub.add(NAME, files_of(tiny_checkpoint))
    fetched = client.run("zoo", "fetch", NAME, "cifar10_cnn")
    assert fetched.status == 0, fetched.stderr
    assert f"{NAME}: {NAME}@{commit}, SHA-256 {sha256_of(tiny_checkpoint)}" in fetched.stdout
    own = json.loads((ROOT / "zoo/rectgrad_zoo/checkpoints/cifar10_cnn/metrics.json").read_text())
    nothing = f"cifar10_cnn: nothing to fetch; in this package, SHA-256 {own['sha256']}"
    assert nothing in fetched.stdout
    asked = len(hub.requests)
    spellings = (NAME, f"hf-hub:{NAME}", f"{NAME}@main", f"{NAME}@{commit}")
    loaded = client.load(*spellings, HF_HUB_OFFLINE="1")
    assert {(found["commit"], found["digest"]) for found in loaded} == {
        (commit, digest_of(tiny_checkpoint))
    }
    assert [found["name"] for found in loaded] == list(spellings)
    shown = client.run("zoo", "show", NAME, HF_HUB_OFFLINE="1")
    assert f"commit        {commit}" in shown.stdout
    assert f"sha256        {sha256_of(tiny_checkpoint)}" in shown.stdout
    assert (tiny_checkpoint / "README.md").read_text() in shown.stdout
    assert len(hub.requests) == asked


def test_fetching_what_is_there_needs_no_network(
    hub: HubServer, client: Client, tiny_checkpoint: Path
) -> None:
    commit = hub.add(NAME, files_of(tiny_checkpoint))
    client.load(NAME)
    offline = client.run("zoo", "fetch", NAME, HF_HUB_OFFLINE="1")
    client.endpoint = UNREACHABLE
    unreachable = client.run("zoo", "fetch", NAME, "owner/absent")
    for fetched, reason in ((offline, "HF_HUB_OFFLINE is set"), (unreachable, "the connection to")):
        (line,) = fetched.stdout.splitlines()
        assert f"{NAME}@{commit}, SHA-256 {sha256_of(tiny_checkpoint)}" in line
        assert f"the Hub was not checked for a newer commit: {reason}" in line
    assert offline.status == 0, offline.stderr
    assert unreachable.status == 2
    (line,) = unreachable.stderr.splitlines()
    assert line.startswith("rectgrad: error: Cannot get owner/absent: the connection to")


def test_a_push_during_the_download_is_for_the_next_fetch(
    hub: HubServer, client: Client, tiny_checkpoint: Path
) -> None:
    files = files_of(tiny_checkpoint)
    asked = hub.add(NAME, files)
    pushed: list[str] = []

    def push() -> None:
        pushed.append(hub.add(NAME, {**files, "README.md": b"new"}))

    hub.faults.append(Fault("/config.json", meanwhile=push))
    fetched, found = client.load(f"fetch {NAME}", NAME)
    assert pushed
    assert fetched == {"status": 0}
    assert (found["commit"], found["digest"]) == (asked, digest_of(tiny_checkpoint))
    fetched, found = client.load(f"fetch {NAME}", NAME)
    assert (found["commit"], found["digest"]) == (pushed[0], digest_of(tiny_checkpoint))


def test_a_new_commit_is_used_once_it_is_fetched(
    hub: HubServer, client: Client, tiny_checkpoint: Path
) -> None:
    files = files_of(tiny_checkpoint)
    first = hub.add(NAME, files)
    (found,) = client.load(NAME)
    assert found["commit"] == first
    second = hub.add(NAME, {**files, "README.md": b"new"})
    cached, fetched, found, old = client.load(NAME, f"fetch {NAME}", NAME, f"{NAME}@{first}")
    assert cached["commit"] == first
    assert fetched == {"status": 0}
    assert (found["commit"], old["commit"]) == (second, first)
    assert sum(path.endswith("safetensors") for path in downloads(hub)) == 1


def test_names_of_timm_come_from_timms_repositories(hub: HubServer, client: Client) -> None:
    name, commit = add_smallest_of_timm(hub)
    loaded = client.load(name, f"timm/{name}", "test_resnet")
    assert [(found["repo"], found["commit"]) for found in loaded] == [(f"timm/{name}", commit)] * 3
    assert [found["architecture"] for found in loaded] == ["test_resnet"] * 3


def test_a_name_decides_the_architecture_whatever_its_repository_says(
    hub: HubServer, client: Client, tiny_checkpoint: Path
) -> None:
    names = ("resnet50.tv_in1k", "test_resnet.r160_in1k")
    for name in names:
        hub.add(f"timm/{name}", files_of(tiny_checkpoint))
    *refused, meant = client.load(*names, f"timm/{names[0]}")
    assert all("does not fit ResNet" in found["error"] for found in refused)
    assert meant["architecture"] == "cifar10_cnn"  # this one is not a name but a repository


def test_a_pickle_beside_the_safetensors_is_never_asked_for(
    hub: HubServer, client: Client, tiny_checkpoint: Path
) -> None:
    hub.add(NAME, {**files_of(tiny_checkpoint), "pytorch_model.bin": b"pickle"})
    (found,) = client.load(NAME)
    assert found["digest"] == digest_of(tiny_checkpoint)
    assert not any("pytorch_model" in path for _, path, _ in hub.requests)


@pytest.mark.parametrize("row", [row for row in CHECKPOINTS if row.source == "hub"])
def test_rows_of_the_hub_name_their_repository(row: Checkpoint) -> None:
    assert row.repo is not None
    assert is_repository(row.repo)
    if row.published:
        assert (row.revision is None) == (row.sha256 is None)
    else:  # its hash is known before its commit
        assert row.repo == f"{OWNER}/{row.name}"
        assert row.revision is None
        assert row.sha256 is not None


def test_one_that_cannot_be_fetched_does_not_keep_the_others_from_it(
    hub: HubServer, client: Client, tiny_checkpoint: Path
) -> None:
    commit = hub.add(NAME, files_of(tiny_checkpoint))
    fetched = client.run("zoo", "fetch", "owner/absent", NAME, "no such name")
    assert fetched.status == 2
    assert f"{NAME}@{commit}" in fetched.stdout
    absent, unknown = fetched.stderr.splitlines()
    assert absent.startswith("rectgrad: error: Cannot get owner/absent: ")
    assert unknown.startswith("rectgrad: error: Unknown model 'no such name'")


OWN_WEIGHTS = """
import rectgrad_zoo

model = rectgrad_zoo.load({name!r}, weights={weights!r})
assert rectgrad_zoo.provenance(model).source == "file"
assert rectgrad_zoo.labels(model)[0] == "airplane"
"""


def test_own_weights_need_only_the_configuration_of_a_repository(
    hub: HubServer, client: Client, tiny_checkpoint: Path
) -> None:
    hub.add(NAME, {"config.json": files_of(tiny_checkpoint)["config.json"]})
    weights = str(tiny_checkpoint / "model.safetensors")
    result = client.run(code=OWN_WEIGHTS.format(name=NAME, weights=weights))
    assert result.status == 0, result.stderr
    assert {Path(path).name for path in downloads(hub)} == {"config.json"}


def test_a_checkpoint_on_the_hub_is_verified_like_any_other(
    hub: HubServer, client: Client, tiny_checkpoint: Path, data_folder: Path
) -> None:
    hub.add(NAME, files_of(tiny_checkpoint))
    verified = client.run("zoo", "verify", NAME, "--data", data_folder)
    assert verified.status == 0, verified.stderr
    assert verified.stdout.splitlines()[-1] == "verified"
    assert sha256_of(tiny_checkpoint) in verified.stdout
