"""CIFAR-10 from a data set of the Hub: the real `datasets`, over loopback."""

import io
import re
from pathlib import Path

import datasets
import pytest
from PIL import Image

from rectgrad_zoo.data.cifar10 import read_cifar10
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
import datasets
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
    client.modules += ("rectgrad_zoo.data.cifar10", "datasets")
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
    ("offline", "reason"), [("0", "no repository owner/none"), ("1", "OfflineModeIsEnabled")]
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


def test_other_classes_than_those_of_cifar10_are_refused(hub: HubServer, client: Client) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (32, 32)).save(picture, format="PNG")
    rows = {"img": [{"bytes": picture.getvalue(), "path": "x.png"}], "label": [0]}
    names = [f"digit {number}" for number in range(10)]
    features = datasets.Features(img=datasets.Image(), label=datasets.ClassLabel(names=names))
    content = io.BytesIO()
    datasets.Dataset.from_dict(rows, features).to_parquet(content)
    hub.add(NAME, {"plain_text/train-00000-of-00001.parquet": content.getvalue()}, "datasets")
    read = client.run(code=READ.format(name=NAME))
    assert read.status != 0
    assert "ZooError: owner/cifar10 has the classes ['digit 0'" in read.stderr
