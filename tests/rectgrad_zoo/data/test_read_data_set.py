"""Fashion-MNIST from its three sources; `test_cifar10.py` has the parquet files and pictures."""

import gzip
import io
import json
import struct
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from torchvision.datasets import FashionMNIST

from rectgrad_zoo.data.data_sets import CIFAR10, FASHION_MNIST, DataSet, Split
from rectgrad_zoo.data.images import LabelledImages
from rectgrad_zoo.data.read_data_set import read_data_set
from rectgrad_zoo.errors import ZooError
from tests.support.hub_client import Client
from tests.support.hub_server import HubServer

READ = """
from rectgrad_zoo.data.data_sets import FASHION_MNIST
from rectgrad_zoo.data.read_data_set import read_data_set

print(read_data_set(FASHION_MNIST, {name!r}, "test").fingerprint())
"""
HUB_CLASSES = ["T - shirt / top", *FASHION_MNIST.classes[1:]]  # with the spaces of the Hub


def parquet_of(data: LabelledImages, classes: list[str]) -> bytes:
    cells = []
    for image in data.images:
        encoded = io.BytesIO()
        Image.fromarray(image[0].numpy()).save(encoded, format="PNG")
        cells.append({"bytes": encoded.getvalue(), "path": None})
    table = pa.table({"image": cells, "label": data.labels.tolist()})
    features = {"label": {"names": classes, "_type": "ClassLabel"}}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    file = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(metadata), file)
    return file.getvalue()


def test_classes_are_those_of_torchvision() -> None:
    assert list(FASHION_MNIST.classes) == FashionMNIST.classes


def test_idx_files_are_read_as_torchvision_reads_them(fashion_folder: Path, tmp_path: Path) -> None:
    raw = tmp_path / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for file in fashion_folder.iterdir():
        (raw / file.stem).write_bytes(gzip.decompress(file.read_bytes()))
    splits: tuple[Split, ...] = ("train", "test")
    for split in splits:
        data = read_data_set(FASHION_MNIST, fashion_folder, split)
        expected = FashionMNIST(str(tmp_path), train=split == "train")
        assert torch.equal(data.images, expected.data.unsqueeze(1))
        assert torch.equal(data.labels, expected.targets)


def test_parquet_files_have_the_same_images(fashion_folder: Path, tmp_path: Path) -> None:
    data = read_data_set(FASHION_MNIST, fashion_folder, "test")
    (tmp_path / "fashion_mnist").mkdir()
    file = tmp_path / "fashion_mnist" / "test-00000-of-00001.parquet"
    file.write_bytes(parquet_of(data, HUB_CLASSES))
    read = read_data_set(FASHION_MNIST, tmp_path, "test")
    assert read.images.shape == (30, 1, 28, 28)
    assert read.fingerprint() == data.fingerprint()
    with pytest.raises(ZooError, match=f"Pass the parent folder: {tmp_path}"):
        read_data_set(FASHION_MNIST, tmp_path / "fashion_mnist", "test")


def test_a_data_set_of_the_hub_must_have_the_same_classes(
    hub: HubServer, client: Client, fashion_folder: Path
) -> None:
    data = read_data_set(FASHION_MNIST, fashion_folder, "test")
    for name, classes in (("same", HUB_CLASSES), ("other", ["Hat", *HUB_CLASSES[1:]])):
        file = {"fashion_mnist/test-00000-of-00001.parquet": parquet_of(data, classes)}
        hub.add(f"owner/{name}", file, "datasets")
    client.modules += ("rectgrad_zoo.data.read_data_set",)
    same = client.run(code=READ.format(name="owner/same"))
    assert same.stdout.split() == [data.fingerprint()], same.stderr
    other = client.run(code=READ.format(name="owner/other"))
    assert "owner/other has the classes ['Hat', 'Trouser'" in other.stderr


@pytest.mark.parametrize("data_set", [CIFAR10, FASHION_MNIST], ids=lambda each: each.title)
def test_a_folder_without_the_files_is_answered_with_what_to_give(
    data_set: DataSet, tmp_path: Path
) -> None:
    expected = {
        CIFAR10: r"plain_text/test-\*\.parquet .*uoft-cs/cifar10\), nor pictures in test/airplane/",
        FASHION_MNIST: r"fashion_mnist/test-\*\.parquet .*, nor t10k-images-idx3-ubyte\.gz and ",
    }
    with pytest.raises(ZooError, match=expected[data_set]):
        read_data_set(data_set, tmp_path, "test")


def test_labels_out_of_range_are_refused(fashion_folder: Path, tmp_path: Path) -> None:
    images = fashion_folder / "t10k-images-idx3-ubyte.gz"
    (tmp_path / images.name).write_bytes(images.read_bytes())
    labels = tmp_path / "t10k-labels-idx1-ubyte.gz"
    labels.write_bytes(gzip.compress(struct.pack(">2I", 0x801, 30) + bytes([10] * 30)))
    with pytest.raises(ZooError, match="expected labels from 0 to 9, got 10"):
        read_data_set(FASHION_MNIST, tmp_path, "test")
