"""The board on a GPU: every row and every column, with the values of the CPU where they must be."""

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from captum_rectgrad.errors import RectGradError
from captum_rectgrad.evaluation.methods import MethodUnreliableError
from captum_rectgrad.studies.board.columns import COLUMNS
from captum_rectgrad.studies.board.networks import (
    NOISE_REGION,
    OBJECT,
    TRIGGER,
    BoardGroup,
    BoardNetwork,
    RegionImages,
    TrainingImages,
)
from captum_rectgrad.studies.board.rows import KEYS, choose_rows, rows
from captum_rectgrad.studies.board.run_board import Board, run_board
from captum_rectgrad.studies.board.sizes import PRESET_SIZES
from rectgrad_zoo.determinism import deterministic
from tests.support.board import SIZES, explained

pytestmark = pytest.mark.gpu
CLASSES, IMAGES, SIDE = 5, 12, 16
ROWS = ("sobel", "saliency", "deeplift", "occlusion", "gradcam", "rectgrad-prr")
# Random numbers of the others are drawn on the device, or decide a training there.
SAME = (
    "gridpg", "difull", "object", "noise-region", "trigger", "insertion", "deletion",
    "random-logit", "sensitivity", "sparseness", "cost",
)  # fmt: skip


def board_network() -> BoardNetwork:
    """A network for grids too, with all regions, and with an operation that is not deterministic.

    PyTorch has no deterministic backward pass of adaptive pooling on a GPU.
    """
    torch.manual_seed(0)
    last = nn.Linear(72, CLASSES)
    last.weight.data *= 10  # LIME's regression shrinks small effects to zero
    model = nn.Sequential(
        *(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(3)),
        *(nn.Flatten(), last),
    ).eval()
    inputs = torch.rand(IMAGES, 3, SIDE, SIDE) * 2 - 1
    targets = torch.arange(IMAGES) % CLASSES
    region = torch.zeros(IMAGES, SIDE, SIDE, dtype=torch.bool)
    region[:, :8, :8] = True
    pixels = torch.randint(0, 256, (128, 3, SIDE, SIDE), dtype=torch.uint8)
    return BoardNetwork(
        name="tiny",
        sha256="0" * 64,
        model=model,
        inputs=inputs,
        targets=targets,
        references=inputs.flip(0),
        regions={
            kind: RegionImages(inputs, targets, region) for kind in (OBJECT, NOISE_REGION, TRIGGER)
        },
        training=TrainingImages(pixels, torch.arange(128) % CLASSES, Tensor.float),
    )


def measured(device: torch.device, folder: Path) -> Mapping[tuple[str, str], dict[str, object]]:
    board = Board(
        groups=[BoardGroup("tiny", "random images", (board_network(),))],
        rows=partial(choose_rows, ROWS, (), sizes=PRESET_SIZES["smoke"]),
        columns=COLUMNS,
        preset="smoke",
        device=device,
    )
    run_board(board, folder)
    found = json.loads((folder / "board.json").read_text())
    assert str(found["device"]).startswith(device.type)
    return {(row["column"], row["method"]): row for row in found["rows"]}


def test_every_column_has_the_values_of_the_cpu(device: torch.device, tmp_path: Path) -> None:
    expected = measured(torch.device("cpu"), tmp_path / "cpu")
    found = measured(device, tmp_path / "device")
    for key, row in found.items():
        assert row["reason"] == expected[key]["reason"], key
        assert (row["mean"] is None) == bool(row["reason"]), key
        if key[0] in SAME and row["mean"] is not None:
            # A rounding error may move a pixel across a threshold of RectGrad or of a rank.
            assert row["mean"] == pytest.approx(expected[key]["mean"], rel=0.02, abs=0.02), key
    without = {key: row["reason"] for key, row in found.items() if row["reason"]}
    assert set(without) == {("difull", "gradcam")}


@pytest.mark.parametrize("key", KEYS)
def test_every_row_has_maps_that_repeat(key: str, device: torch.device) -> None:
    network = board_network()
    network.move(device)
    sizes = replace(SIZES, masked_copies=100)
    (method,) = (each for each in rows(network.references, sizes) if each.key == key)
    try:
        with deterministic(device):
            maps = explained(method, network, sizes).own_maps
            again = explained(method, network, sizes).own_maps
    except MethodUnreliableError as error:
        if "is not installed" in str(error):
            pytest.skip(str(error))
        raise
    assert maps.device.type == "cpu"
    assert maps.any()
    # Adaptive pooling adds in a changing order on a GPU, which may move a threshold.
    changed = float((maps - again).abs().sum() / maps.abs().sum())
    assert changed == 0 if device.type == "cpu" else changed < 0.05


class FixedDevice(nn.Module):
    """A network with a tensor that does not move."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(3, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.last(x.mean(dim=(2, 3)) - torch.ones(3, device="cpu"))
        return logits


def test_a_network_that_needs_the_cpu_is_refused(cuda: torch.device) -> None:
    network = replace(board_network(), model=FixedDevice())
    with pytest.raises(RectGradError, match="works on the CPU and fails on cuda"):
        network.move(cuda)
