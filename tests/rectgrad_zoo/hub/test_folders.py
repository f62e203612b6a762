"""The folders under `zoo/hub`: what `publish` uploads, each exactly what its row and recipe say."""

from pathlib import Path

import pytest
import torch

import rectgrad_zoo
from rectgrad_zoo import registry
from rectgrad_zoo.training.metrics import read_metrics
from rectgrad_zoo.training.publish import prepare

pytestmark = pytest.mark.checkout
ZOO = Path(__file__).parents[3] / "zoo"
OWN = [row for row in registry.CHECKPOINTS if not row.published]
MEGABYTES = {"fashion_mnist_cnn": 1, "cifar10_cnn": 2.5, "cifar10_resnet": 6.0, "cifar10_vit": 1}


def test_every_folder_has_a_row_and_every_row_a_folder() -> None:
    assert sorted(row.name for row in OWN) == sorted(
        folder.name for folder in (ZOO / "hub").iterdir()
    )


@pytest.mark.parametrize("row", OWN, ids=lambda row: row.name)
def test_a_folder_is_what_is_published(row: registry.Checkpoint) -> None:
    folder = ZOO / "hub" / row.name
    assert row.repo is not None
    planned = prepare(folder, row.repo)
    assert planned.sha256 == row.sha256 == read_metrics(folder / "metrics.json").sha256
    assert sum(planned.files.values()) < MEGABYTES[row.architecture] * 1e6
    recipe = (folder / "recipe.toml").read_bytes()
    assert recipe == (ZOO / "recipes" / f"{row.name}.toml").read_bytes()


@pytest.mark.parametrize("row", OWN, ids=lambda row: row.name)
def test_in_a_checkout_it_loads_by_its_name(row: registry.Checkpoint) -> None:
    model = rectgrad_zoo.load(row.name)
    origin = rectgrad_zoo.provenance(model)
    assert (origin.source, origin.sha256, origin.pinned) == ("folder", row.sha256, True)
    assert all(parameter.dtype == torch.float32 for parameter in model.parameters())
    assert rectgrad_zoo.recipe(row.name).name == row.name
