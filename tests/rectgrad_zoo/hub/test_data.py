"""CIFAR-10 from a data set of the Hub, over loopback."""

import io
import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from huggingface_hub import constants

from rectgrad_zoo.data.cifar10 import read_cifar10
from rectgrad_zoo.hub.cache import (
    Snapshot,
    cached_commit,
    keep,
    listed_tags,
    record_tags,
    snapshot_folder,
)
from rectgrad_zoo.hub.names import HubName
from tests.support.hub_client import QUICK, UNREACHABLE, Client
from tests.support.hub_server import HubServer
from tests.support.hub_state import Fault

NAME = "owner/cifar10"
READ = """
from rectgrad_zoo.data.cifar10 import read_cifar10

for split in ("train", "test"):
    print(read_cifar10({name!r}, split).fingerprint())
"""

FAIL = """
import time
from rectgrad_zoo import ZooError
from rectgrad_zoo.data.cifar10 import read_cifar10

started = time.monotonic()
try:
    read_cifar10({name!r}, "test")
except ZooError as error:
    print(time.monotonic() - started)
    print(error)
"""


@pytest.fixture
def client(client: Client) -> Client:
    client.modules += ("rectgrad_zoo.data.cifar10",)
    return client


@pytest.fixture
def published(hub: HubServer, data_folder: Path) -> Path:
    """The parquet files of the tests, as a data set of the Hub."""
    files = sorted(data_folder.glob("plain_text/*.parquet"))
    hub.add(NAME, {f"plain_text/{file.name}": file.read_bytes() for file in files}, "datasets")
    return data_folder


def test_a_data_set_of_the_hub_has_the_same_images_as_the_files(
    hub: HubServer, client: Client, published: Path
) -> None:
    read = client.run(code=READ.format(name=NAME))
    assert read.status == 0, read.stderr
    expected = [read_cifar10(published, split).fingerprint() for split in ("train", "test")]
    assert read.stdout.split() == expected
    asked = len(hub.requests)
    offline = client.run(code=READ.format(name=NAME), HF_HUB_OFFLINE="1")
    assert offline.stdout.split() == expected
    assert len(hub.requests) == asked


def test_a_checkpoint_is_verified_on_a_data_set_of_the_hub(
    client: Client, published: Path, tiny_checkpoint: Path
) -> None:
    del published
    verified = client.run("zoo", "verify", tiny_checkpoint, "--data", NAME)
    assert verified.status == 0, verified.stderr
    assert "verified" in verified.stdout


@pytest.mark.parametrize(
    ("offline", "reason"), [("0", "no repository owner/none"), ("1", "HF_HUB_OFFLINE is set")]
)
def test_a_data_set_that_is_not_there_is_one_line(
    client: Client, tiny_checkpoint: Path, offline: str, reason: str
) -> None:
    data = "owner/none"
    failed = client.run("zoo", "verify", tiny_checkpoint, "--data", data, HF_HUB_OFFLINE=offline)
    assert failed.status == 2
    (line,) = failed.stderr.splitlines()
    assert line.startswith(f"rectgrad: error: {data} is not a local folder")
    assert reason in line


def test_a_hub_in_trouble_is_not_a_data_set_that_is_absent(
    hub: HubServer, client: Client, published: Path, tiny_checkpoint: Path
) -> None:
    del published
    hub.faults.append(Fault("/api/datasets", status=500))
    failed = client.run("zoo", "verify", tiny_checkpoint, "--data", NAME)
    assert failed.status == 2
    (line,) = failed.stderr.splitlines()
    assert "server error (500)" in line


def test_without_a_network_a_data_set_is_given_up_at_once(client: Client) -> None:
    client.endpoint = UNREACHABLE
    failed = client.run(code=FAIL.format(name=NAME))
    seconds, line = failed.stdout.splitlines()
    assert re.search(rf"{NAME} is not a local folder.*connection to .* failed.*Pass a folder", line)
    assert float(seconds) < QUICK


def test_other_classes_than_those_of_cifar10_are_refused(
    hub: HubServer, client: Client, data_folder: Path
) -> None:
    table = pq.read_table(next(data_folder.glob("plain_text/train-*.parquet")))
    names = [f"digit {number}" for number in range(10)]
    info = {"info": {"features": {"label": {"names": names, "_type": "ClassLabel"}}}}
    content = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps(info)}), content)
    hub.add(NAME, {"plain_text/train-00000-of-00001.parquet": content.getvalue()}, "datasets")
    read = client.run(code=READ.format(name=NAME))
    assert read.status != 0
    assert "ZooError: owner/cifar10 has the classes ['digit 0'" in read.stderr


def test_no_answer_for_a_data_set_leads_out_of_the_cache(
    hub: HubServer, client: Client, published: Path
) -> None:
    victim = client.home.parent / "thesis.txt"
    victim.write_text("four years of work")
    expected = [read_cifar10(published, split).fingerprint() for split in ("train", "test")]
    headers = {"ETag": f'"{victim}"', "X-Linked-Etag": f'"{victim}"', "X-Repo-Commit": "../../x"}
    hub.faults = [
        Fault("/resolve/", method=method, headers=headers, times=100) for method in ("HEAD", "GET")
    ]
    before = {*client.home.parent.iterdir()}
    read = client.run(code=READ.format(name=NAME))
    assert victim.read_text() == "four years of work"
    assert {*client.home.parent.iterdir()} - before <= {client.home}
    assert read.stdout.split() == expected


def test_a_data_set_without_parquet_files_is_refused(hub: HubServer, client: Client) -> None:
    hub.add(NAME, {"../train-00000-of-00001.parquet": b"", "train.csv": b""}, "datasets")
    read = client.run(code=READ.format(name=NAME))
    assert "ZooError: owner/cifar10 is not a local folder" in read.stderr
    assert "has no train-*.parquet" in read.stderr


def test_damage_of_a_cached_data_set_is_found(
    hub: HubServer, client: Client, published: Path
) -> None:
    del published
    assert client.run(code=READ.format(name=NAME)).status == 0
    for file in client.home.rglob("blobs/*"):
        file.write_bytes(file.read_bytes()[:-1] + b"x")
    damaged = client.run(code=READ.format(name=NAME), HF_HUB_OFFLINE="1")
    assert "differs from the downloaded file: it is damaged or was changed" in damaged.stderr
    assert "Remove the folder" in damaged.stderr
    assert hub.requests


def test_no_writer_loses_the_tags_of_another(tmp_path: Path) -> None:
    folder = tmp_path / "snapshots" / ("a" * 40)
    tags = [{f"{number}.parquet": "b" * 40} for number in range(40)]
    with ThreadPoolExecutor(8) as writers:
        list(writers.map(record_tags, [folder] * 40, tags))
    assert len(listed_tags(folder)) == 40


def test_a_reference_of_any_size_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    folder = snapshot_folder(NAME, "dataset", "a" * 40)
    reference = folder.parents[1] / "refs" / "main"
    reference.parent.mkdir(parents=True)
    with reference.open("wb") as large:
        large.truncate(10**13)
    assert cached_commit(HubName(NAME), "dataset") is None
    keep(HubName(NAME), Snapshot(NAME, "a" * 40, folder))
    assert cached_commit(HubName(NAME), "dataset") == "a" * 40
