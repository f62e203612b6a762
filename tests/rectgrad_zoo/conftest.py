"""Generated data sets in the layouts of the real ones, and a checkpoint trained in seconds."""

import gzip
import io
import struct
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from rectgrad_zoo.training.build_checkpoint import make_checkpoint
from tests.support.hub_fixtures import client, forks, hub  # noqa: F401

TINY_RECIPE = """\
name = "tiny"
architecture = "cifar10_cnn"
description = "A checkpoint made by a test."

[data]
name = "uoft-cs/cifar10"
validation_size = 10
validation_seed = 0

[occlusion]
size = 10
seed = 3

[training]
optimizer = "adam"
learning_rate = 0.001
batch_size = 16
epochs = 2
seed = 5
keep = "best_validation"
"""


def write_parquet(folder: Path, split: str, count: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    cells = []
    for number in range(count):
        encoded = io.BytesIO()
        pixels = generator.integers(0, 256, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(encoded, format="PNG")
        cells.append({"bytes": encoded.getvalue(), "path": f"{number}.png"})
    labels = [number % 10 for number in range(count)]
    (folder / "plain_text").mkdir(parents=True, exist_ok=True)
    pq.write_table(
        pa.table({"img": cells, "label": labels}),
        folder / "plain_text" / f"{split}-00000-of-00001.parquet",
    )


@pytest.fixture(scope="session")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cifar10")
    write_parquet(folder, "train", count=50, seed=0)
    write_parquet(folder, "test", count=30, seed=1)
    return folder


def write_idx(folder: Path, prefix: str, count: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (count, 28, 28), dtype=np.uint8)
    labels = bytes(number % 10 for number in range(count))
    for name, content in (
        ("images-idx3-ubyte", struct.pack(">4I", 0x803, count, 28, 28) + pixels.tobytes()),
        ("labels-idx1-ubyte", struct.pack(">2I", 0x801, count) + labels),
    ):
        (folder / f"{prefix}-{name}.gz").write_bytes(gzip.compress(content))


@pytest.fixture(scope="session")
def fashion_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fashion-mnist")
    write_idx(folder, "train", count=50, seed=0)
    write_idx(folder, "t10k", count=30, seed=1)
    return folder


@pytest.fixture(scope="session")
def recipe_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("recipe") / "tiny.toml"
    file.write_text(TINY_RECIPE)
    return file


@pytest.fixture(scope="session")
def tiny_checkpoint(
    tmp_path_factory: pytest.TempPathFactory, data_folder: Path, recipe_file: Path
) -> Path:
    out = tmp_path_factory.mktemp("made") / "tiny"
    make_checkpoint(recipe_file, data_folder, out, torch.device("cpu"))
    return out
