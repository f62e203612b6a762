"""The recorded board: large enough to say something, and the same in all its files."""

import csv
import re

import pytest

from captum_rectgrad.studies.board.columns import COLUMNS
from captum_rectgrad.studies.board.rows import ORIGINS
from tests.support.records import RESULTS, ROOT, recorded_board

pytestmark = pytest.mark.checkout
FOLDER = RESULTS / "board"
MANY_PASSES = {
    "smoothgrad", "vargrad", "integrated", "expected-gradients", "occlusion", "lime", "kernelshap",
}  # fmt: skip


def test_the_record_has_enough_methods_and_measures() -> None:
    content = recorded_board()
    measured = [row for row in content["rows"] if row["mean"] is not None]
    assert content["settings"]["board"] != "smoke"
    assert len({row["method"] for row in measured}) >= 15
    assert len({row["column"] for row in measured}) >= 10
    assert {row["column"] for row in content["rows"]} <= {column.key for column in COLUMNS}


def test_the_page_says_which_rows_are_not_recorded() -> None:
    content = recorded_board()
    lacking: dict[str, set[str]] = {}
    for group in content["networks"]:
        recorded = {row["method"] for row in content["rows"] if row["networks"] == group}
        if missing := set(ORIGINS) - recorded:
            lacking[group] = missing
    nets = {f"tf_efficientnet_lite{size}": MANY_PASSES for size in range(3)}
    assert lacking == {"cifar10_resnet": {"kernelshap"}, **nets}
    page = " ".join((ROOT / "docs/board.md").read_text("utf-8").split())
    assert "all methods were run, but for KernelSHAP on the residual network." in page
    assert "The EfficientNets lack the seven methods of many passes" in page


def test_the_table_is_the_record() -> None:
    with (FOLDER / "board.csv").open(newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    rows = recorded_board()["rows"]
    assert len(table) == len(rows)
    for written, row in zip(table, rows, strict=True):
        assert written == {key: "" if value is None else str(value) for key, value in row.items()}


def test_nothing_of_the_machine_is_in_the_record() -> None:
    for file in ("board.json", "board.csv", "report.md", "config.json"):
        text = (FOLDER / file).read_text("utf-8")
        assert not re.search(r"(?<![\w.:/-])/(?:home|root|tmp|work|usr)/", text)
