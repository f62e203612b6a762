"""The page on GPUs has the numbers of the records."""

import json
import zipfile
from pathlib import Path

import pytest
import torch

from benchmarks.training.accuracy import BOUND
from captum_rectgrad.evaluation.methods import choose_methods
from captum_rectgrad.studies.compute.precision import precision_of
from captum_rectgrad.studies.roar_kar.curves import Ranking, table_cells
from captum_rectgrad.studies.roar_kar.study import STUDY
from captum_rectgrad.studies.roar_kar.table import PAPER

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = " ".join((ROOT / "docs/how-to/use-a-gpu.md").read_text(encoding="utf-8").split())
TITLES = {"resnet50": "ResNet-50, random weights", "vgg16": "VGG-16, random weights"}


def record(name: str) -> "dict[str, list[dict[str, dict[str, float]]]]":
    found = json.loads((RESULTS / f"{name}-gpu.json").read_text(encoding="utf-8"))
    return {"Networks": found["groups"]["Networks"]} if "groups" in found else found


@pytest.mark.checkout
def test_costs_of_attributions() -> None:
    cases = record("attribution")["Networks"]
    assert len(cases) == 3
    for case in cases:
        ratio = case["ratios"]["rectgrad"]
        median, low, high = (ratio[key] for key in ("median", "low", "high"))  # type: ignore[index]
        assert f"{median:.2f} ({low:.2f} to {high:.2f})" in PAGE
        assert case["memory"]["rectgrad"] <= case["memory"]["saliency"] * 1.005


@pytest.mark.checkout
def test_differences_between_devices() -> None:
    shares: dict[str, list[str]] = {}
    for row in record("agreement")["rows"]:
        if str(row["method"]) == "RectGrad":
            share = f"{100 * row['to the CPU']['attribution']:.2f} %"
            shares.setdefault(str(row["network"]), []).append(share)
    assert len(shares) == 4
    for network, (deterministic, defaults) in shares.items():
        title = TITLES.get(network, f"`{network}`")
        assert f"| {title} | {deterministic} | {defaults} |" in PAGE


@pytest.mark.checkout
def test_the_precision_of_trainings() -> None:
    found = json.loads((RESULTS / "training-accuracy-gpu.json").read_text(encoding="utf-8"))
    assert len(found["float32"]) == len(found["bfloat16"]) == 16
    difference, low, high = (f"{100 * found[key]:.2f}" for key in ("difference", "low", "high"))
    assert f"{difference} percentage points more accurate in bfloat16" in PAGE
    assert f"95 % interval {low} to {high}" in PAGE
    # Within half a point, bfloat16 would be the default.
    assert (found["low"] > -BOUND and found["high"] < BOUND) == (
        precision_of(torch.device("cuda")) == "bfloat16"
    )


@pytest.mark.checkout
def test_packed_cells_are_those_of_table_1() -> None:
    with zipfile.ZipFile(RESULTS / "roar-kar-cells" / "paper.zip") as archive:
        names = set(archive.namelist())
    rankings = [Ranking(method, "signed") for method in choose_methods(tuple(PAPER))]
    wanted = [f"{cell.name}.json" for cell in table_cells(STUDY.presets["paper"], rankings)]
    assert names == {*wanted, "pack.json"}
    assert f"has all {len(wanted)} networks" in PAGE
    assert f"trains the {len(wanted)} networks of table 1" in PAGE
