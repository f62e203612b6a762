"""The embedded checkpoints measured again, on the CIFAR-10 that lies beside the repository."""

import os
from pathlib import Path

import pytest
import torch

from rectgrad_zoo import registry
from rectgrad_zoo.training.verify import verify_folder

DATA = Path(os.environ.get("RECTGRAD_DATA", Path(__file__).parents[3] / "shared" / "data"))


@pytest.mark.data
@pytest.mark.skipif(not (DATA / "cifar10").is_dir(), reason=f"no CIFAR-10 in {DATA}")
@pytest.mark.parametrize(
    "row",
    [row for row in registry.CHECKPOINTS if row.source == "embedded"],
    ids=lambda row: row.name,
)
def test_embedded_checkpoints_have_exactly_the_accuracy_they_claim(
    row: registry.Checkpoint,
) -> None:
    found = verify_folder(registry.embedded_folder(row), DATA / "cifar10", torch.device("cpu"))
    assert found.problems == []
    assert found.sha256 == row.sha256
    assert found.measured == found.claimed.test
