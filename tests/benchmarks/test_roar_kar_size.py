"""The record of sizes: means and spread by hand, and a run that adds to it."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks import roar_kar_size
from benchmarks.roar_kar_size import Size, main, page
from rectgrad_zoo.data.images import LabelledImages
from tests.captum_rectgrad.studies.conftest import Tiny


def test_the_page_has_means_and_the_larger_spread() -> None:
    text = page([Size(20_000, 4, 10_000, "cpu", [0.60, 0.62], [0.50, 0.56])])
    assert text.splitlines()[-1] == ("| 20000 | 4 | 0.610 | 0.530 | 0.080 | 0.060 | 10000 | cpu |")


def test_sizes_are_added_to_the_record(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def read(_: str, split: str) -> LabelledImages:
        return Tiny().images("train" if split == "train" else "test")

    out = tmp_path / "sizes.json"
    monkeypatch.setattr(roar_kar_size, "read_cifar10", read)
    command = ["roar_kar_size", "--data", "tiny", "--test-images", "9", "--out", str(out)]
    for size in ("8x1", "12x2"):
        monkeypatch.setattr(sys, "argv", [*command, "--sizes", size])
        assert main() == 0
    found = json.loads(out.read_text())["sizes"]
    assert [(each["images"], each["epochs"], each["test_images"]) for each in found] == [
        (8, 1, 9),
        (12, 2, 9),
    ]
    assert all(0 <= share <= 1 for each in found for share in each["whole"] + each["random"])
    assert out.with_suffix(".md").read_text().count("\n| ") == 3  # the header and two sizes
