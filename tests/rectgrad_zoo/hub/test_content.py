"""Repositories whose content is damaged, another's, or meant to do harm."""

import json
import pickle
import re
import shutil
from pathlib import Path
from typing import Any

import safetensors.torch
import timm
import torch

from tests.rectgrad_zoo.hub.test_download import NAME, downloads, files_of, sha256_of
from tests.support.hub_client import Client, digest, digest_of
from tests.support.hub_server import HubServer
from tests.support.hub_state import Fault, Files, git_oid

WEIGHTS = "model.safetensors"
PINNED = """
import rectgrad_zoo
from rectgrad_zoo import registry

registry.CHECKPOINTS += (
    registry.Checkpoint(
        name="pinned", architecture="cifar10_cnn", data="noise", source="hub",
        sha256={sha256!r}, license="", purpose="", repo={repo!r}, revision={revision!r},
    ),
)
from argparse import Namespace
from rectgrad_zoo.cli.hub import fetch

status = fetch(Namespace(names=["pinned"]))
if status:
    raise SystemExit(status)
print(rectgrad_zoo.provenance(rectgrad_zoo.load("pinned")))
"""


class Payload:
    """What a pickle of this would do when it is read."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.marker,)


def _flip(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def test_content_that_is_no_checkpoint_is_refused(
    hub: HubServer, client: Client, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    good, marker = files_of(tiny_checkpoint), tmp_path / "ran"
    del good["metrics.json"]  # it states the hash of the weights
    payload = pickle.dumps({"weight": Payload(marker)}, protocol=2)
    tensors = safetensors.torch.load(good["model.safetensors"])
    bias = tensors["fc2.bias"]
    without = {name: tensor for name, tensor in tensors.items() if name != "fc2.bias"}
    config = json.loads(good["config.json"])

    def weights(changed: dict[str, torch.Tensor]) -> Files:
        return {"model.safetensors": safetensors.torch.save(changed)}

    whole = good["model.safetensors"]
    cases: dict[str, tuple[Files, str]] = {
        "truncated": ({"model.safetensors": whole[:-1000]}, "not a complete safetensors file"),
        "beyond": ({"model.safetensors": b"\xff" * 7 + b"\0{}"}, "not a complete safetensors file"),
        "empty": ({"model.safetensors": b""}, "not a complete safetensors file"),
        "pickle": ({"model.safetensors": payload}, "not a complete safetensors file"),
        "missing": (weights(without), r"missing: fc2\.bias\."),
        "extra": (weights({**tensors, "extra": bias.clone()}), r"unexpected: extra\."),
        "shape": (weights({**without, "fc2.bias": bias[:9].clone()}), r"fc2\.bias \(9,\) instead"),
        "type": (weights({**without, "fc2.bias": bias.int()}), r"fc2\.bias torch\.int32 instead"),
        "unknown": (
            {"config.json": json.dumps({**config, "architecture": "no_such_net"}).encode()},
            "no_such_net",
        ),
        "elsewhere": (
            {"config.json": json.dumps({**config, "architecture": "hf-hub:a/b"}).encode()},
            "does not describe a network",
        ),
        "text": ({"config.json": b"\xff\xfe"}, r"config\.json is not valid JSON"),
        "list": ({"config.json": b"[]"}, r"config\.json holds a JSON list, expected an object"),
        "deep": ({"config.json": b"[" * 10**6}, r"config\.json is not valid JSON: .*too deeply"),
        "absurd": (
            {"config.json": json.dumps({**config, "model_args": {"num_classes": -1}}).encode()},
            "does not describe a network",
        ),
        "null": ({"config.json": b'{"architecture": null}'}, "does not describe a network"),
    }
    for name, (files, _) in cases.items():
        hub.add(f"owner/{name}", {**good, **files})
    loaded = client.load(*(f"owner/{name}" for name in cases))
    for (name, (_, reason)), found in zip(cases.items(), loaded, strict=True):
        assert found.keys() == {"error", "seconds"}, name
        assert re.match(rf"ZooError: .*{reason}", found["error"]), found["error"]
        assert "\n" not in found["error"]
    assert not marker.exists()


def test_a_repository_of_pickles_alone_is_refused_with_the_reason(
    hub: HubServer, client: Client, tiny_checkpoint: Path
) -> None:
    config = files_of(tiny_checkpoint)["config.json"]
    hub.add("owner/pickle", {"config.json": config, "pytorch_model.bin": b"pickle"})
    hub.add("timm/resnet18.a1_in1k", {"config.json": config, "pytorch_model.bin": b"pickle"})
    hub.add("owner/data", {"README.md": b""})
    pickled, timms, nothing = client.load("owner/pickle", "resnet18.a1_in1k", "owner/data")
    for found in (pickled, timms):
        assert "only as pytorch_model.bin, which can run code" in found["error"]
        assert "weights=PATH" in found["error"]
    assert "expected a checkpoint in the format of timm or transformers" in nothing["error"]
    assert not any("/resolve/" in path for _, path, _ in hub.requests)


def test_names_that_climb_out_are_never_asked_for(
    hub: HubServer, client: Client, tiny_checkpoint: Path
) -> None:
    evil = {"../evil": b"1", "a/../../evil": b"2", "/evil": b"3", "..\\evil": b"4"}
    evil |= {"a/b": b"5", "a/model.safetensors": b"6"}
    commit = hub.add(NAME, {**evil, **files_of(tiny_checkpoint)})
    before = set(client.home.parent.iterdir())
    found, climbing, revision = client.load(NAME, "hf-hub:../evil", f"hf-hub:{NAME}@../../evil")
    assert found["digest"] == digest_of(tiny_checkpoint)
    assert "expected hf-hub:OWNER/NAME" in climbing["error"]
    assert "expected hf-hub:OWNER/NAME" in revision["error"]
    assert {Path(path).parent.name for path in downloads(hub)} == {commit}
    assert {Path(path).name for path in downloads(hub)} == files_of(tiny_checkpoint).keys()
    assert not list(client.home.rglob("*evil*"))
    assert set(client.home.parent.iterdir()) - before == {client.home}


def test_damage_on_the_way_is_found_and_mended(
    hub: HubServer, client: Client, tiny_checkpoint: Path
) -> None:
    hub.add(NAME, files_of(tiny_checkpoint))
    hub.add("owner/other", files_of(tiny_checkpoint))
    hub.faults += [
        Fault("tiny/resolve", change=_flip, times=1),
        # One for the download, one for the second try of it.
        Fault("other/resolve", change=_flip, times=2),
    ]
    mended, damaged, found = client.load(NAME, *["owner/other"] * 2)
    assert not hub.faults
    assert f"the Hub reports {sha256_of(tiny_checkpoint)}" in damaged["error"]
    assert mended["digest"] == found["digest"] == digest_of(tiny_checkpoint)


def test_damage_in_the_cache_is_found_and_fetch_mends_it(
    hub: HubServer, client: Client, tiny_checkpoint: Path
) -> None:
    hub.add(NAME, files_of(tiny_checkpoint))
    assert client.run("zoo", "fetch", NAME).status == 0
    (blob,) = client.home.rglob(f"blobs/{sha256_of(tiny_checkpoint)}")
    blob.write_bytes(_flip(blob.read_bytes()))
    damaged, fetched, found = client.load(NAME, f"fetch {NAME}", NAME)
    assert f"expected {sha256_of(tiny_checkpoint)}" in damaged["error"]
    assert f"`rectgrad zoo fetch {NAME}`" in damaged["error"]
    assert fetched == {"status": 0}
    assert found["digest"] == digest_of(tiny_checkpoint)
    blob.write_bytes(_flip(blob.read_bytes()))
    shown = client.run("zoo", "show", NAME)
    assert f"expected {sha256_of(tiny_checkpoint)}: the file is damaged" in shown.stdout


def test_a_path_that_is_not_there_is_not_only_a_repository_that_is_not(client: Client) -> None:
    shown = client.run("zoo", "show", "runs/mynet")
    assert "no local folder of that name, and not in the cache" in shown.stdout
    (found,) = client.load("runs/mynet")
    assert "There is no local folder runs/mynet" in found["error"]


def test_a_changed_configuration_in_the_cache_is_found_and_fetch_mends_it(
    hub: HubServer, client: Client, tiny_checkpoint: Path
) -> None:
    files = files_of(tiny_checkpoint)
    hub.add(NAME, files)
    assert client.run("zoo", "fetch", NAME).status == 0
    config = files["config.json"]
    (blob,) = client.home.rglob(f"blobs/{git_oid(config)}")
    for content in (config.replace(b"airplane", b"ZEBRA"), config[:100]):
        blob.write_bytes(content)
        damaged, fetched, found = client.load(NAME, f"fetch {NAME}", NAME)
        assert "config.json differs from the downloaded file" in damaged["error"]
        assert f"`rectgrad zoo fetch {NAME}`" in damaged["error"]
        assert fetched == {"status": 0}
        assert found["digest"] == digest_of(tiny_checkpoint)
        assert blob.read_bytes() == config


def test_a_regular_file_in_the_place_of_a_link_of_the_cache_is_checked(
    hub: HubServer, client: Client, tiny_checkpoint: Path
) -> None:
    hub.add(NAME, files_of(tiny_checkpoint))
    assert client.run("zoo", "fetch", NAME).status == 0
    (snapshot,) = client.home.rglob("snapshots/*")
    changes = {"config.json": lambda data: data.replace(b"airplane", b"ZEBRA"), WEIGHTS: _flip}
    for name, change in changes.items():
        link = snapshot / name
        content, target = link.read_bytes(), link.readlink()
        link.unlink()
        link.write_bytes(change(content))
        (found,) = client.load(NAME)
        assert "damaged" in found["error"], name
        link.write_bytes(content)
        (found,) = client.load(NAME)
        assert found["digest"] == digest_of(tiny_checkpoint)
        link.unlink()
        link.symlink_to(target)
    # Another program's download has no record of the hashes beside the links.
    shutil.rmtree(snapshot.parents[1] / "listings")
    (found,) = client.load(NAME)
    assert found["digest"] == digest_of(tiny_checkpoint)
    for name in changes:
        link, content = snapshot / name, (snapshot / name).read_bytes()
        link.unlink()
        link.write_bytes(content)
        unknown, fetched, found = client.load(NAME, f"fetch {NAME}", NAME)
        assert f"{name} cannot be checked" in unknown["error"]
        assert f"`rectgrad zoo fetch {NAME}`" in unknown["error"]
        assert fetched == {"status": 0}
        assert found["digest"] == digest_of(tiny_checkpoint)
        shutil.rmtree(snapshot.parents[1] / "listings")


def test_files_are_checked_where_links_are_not_supported(
    hub: HubServer, client: Client, tiny_checkpoint: Path
) -> None:
    hub.add(NAME, files_of(tiny_checkpoint))
    no_links = {"HF_HUB_DISABLE_SYMLINKS": "1"}
    (found,) = client.load(NAME, **no_links)
    assert found["digest"] == digest_of(tiny_checkpoint)
    assert not any(path.is_symlink() for path in client.home.rglob("*"))
    (weights,) = client.home.rglob(WEIGHTS)
    weights.write_bytes(_flip(weights.read_bytes()))
    damaged, fetched, found = client.load(NAME, f"fetch {NAME}", NAME, **no_links)
    assert f"expected {sha256_of(tiny_checkpoint)}" in damaged["error"]
    assert fetched == {"status": 0}
    assert found["digest"] == digest_of(tiny_checkpoint)


def test_a_newer_commit_that_does_not_load_leaves_what_was_there(
    hub: HubServer, client: Client, tiny_checkpoint: Path
) -> None:
    files = files_of(tiny_checkpoint)
    good = hub.add(NAME, files)
    assert client.run("zoo", "fetch", NAME).status == 0
    hub.add(NAME, {**files, "config.json": b"[]"})
    fetched, found = client.load(f"fetch {NAME}", NAME)
    assert fetched == {"status": 2}
    assert found["commit"] == good
    mended = hub.add(NAME, files)
    fetched, found = client.load(f"fetch {NAME}", NAME)
    assert fetched == {"status": 0}
    assert found["commit"] == mended


def test_a_pin_holds_whatever_the_hub_says(
    hub: HubServer, client: Client, tiny_checkpoint: Path
) -> None:
    files, sha256 = files_of(tiny_checkpoint), sha256_of(tiny_checkpoint)
    pinned = hub.add(NAME, files)
    newer = hub.add(NAME, {**files, "model.safetensors": _flip(files["model.safetensors"])})
    good = client.run(code=PINNED.format(sha256=sha256, repo=NAME, revision=pinned))
    assert good.status == 0, good.stderr
    assert f"commit='{pinned}', pinned=True" in good.stdout
    bad = client.run(code=PINNED.format(sha256=sha256, repo=NAME, revision=newer))
    assert bad.status == 2
    (line,) = bad.stderr.splitlines()
    assert re.match(rf"rectgrad: error: owner/tiny at commit {newer} .*the zoo expects", line)


def test_weights_under_their_authors_names_load_as_timm_loads_them(
    hub: HubServer, client: Client
) -> None:
    small: dict[str, Any] = {
        "img_size": 32,
        "patch_size": 16,
        "embed_dim": 24,
        "depth": 1,
        "num_heads": 2,
    }
    model = timm.create_model("vit_tiny_patch16_224", num_classes=0, **small)
    config = {
        "architecture": "vit_tiny_patch16_224",
        "num_classes": 0,
        "model_args": {**small, "num_classes": 0},
        "pretrained_cfg": {"input_size": [3, 32, 32], "num_classes": 0},
    }
    towers = {f"visual.trunk.{name}": tensor for name, tensor in model.state_dict().items()}
    position = towers["visual.trunk.pos_embed"]
    for name, changed in (
        ("owner/towers", {**towers, "text.weight": torch.ones(3)}),
        ("owner/renamed", {f"x.{name}": tensor for name, tensor in towers.items()}),
        ("owner/resized", {**model.state_dict(), "pos_embed": position[:, :2].clone()}),
    ):
        weights = safetensors.torch.save(changed)
        hub.add(name, {"config.json": json.dumps(config).encode(), "model.safetensors": weights})
    found, renamed, resized = client.load("owner/towers", "owner/renamed", "owner/resized")
    assert found["digest"] == digest(model)
    assert "does not fit VisionTransformer" in renamed["error"]
    assert "pos_embed (1, 2, 24) instead of" in resized["error"]
