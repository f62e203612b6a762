"""A few cells on material that takes no time."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from captum_rectgrad.studies.compute.masking import mean_colour
from captum_rectgrad.studies.data.generated import recipe_of
from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.roar_kar.cell_inputs import CellInputs
from captum_rectgrad.studies.roar_kar.ranks import RankFiles, pixel_ranks, tie_order
from captum_rectgrad.studies.roar_kar.training import training_of
from rectgrad_zoo.data.cifar10 import Split

SPLITS: tuple[Split, Split] = ("train", "test")
METHOD = "saliency"  # whose ranks are written here; they are random


@pytest.fixture
def work(context: Callable[..., StudyContext]) -> CellInputs:
    made = context()
    network = made.network("plain")
    train, test = made.images("train"), made.images("test")
    return CellInputs(
        train=train,
        test=test,
        colour=mean_colour(train.images),
        model=network.model,
        training=training_of(recipe_of("plain"), 10, epochs=1, precision="float32"),
        device=torch.device("cpu"),
        seed=0,
        batch_size=7,
    )


@pytest.fixture
def ranks(work: CellInputs, tmp_path: Path) -> RankFiles:
    files = RankFiles(tmp_path)
    for split in SPLITS:
        data = work.train if split == "train" else work.test
        order = tie_order(slice(0, len(data)), 1024, 5, split)
        found = pixel_ranks(torch.zeros(order.shape), order).numpy().astype(np.uint16)
        np.save(files.file(METHOD, "signed", split), found)
    return files
