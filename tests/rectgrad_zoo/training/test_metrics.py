import json
from pathlib import Path

import pytest

from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.training.metrics import metrics_json, read_metrics


def test_measurements_survive_a_round_trip(tiny_checkpoint: Path, tmp_path: Path) -> None:
    metrics = read_metrics(tiny_checkpoint / "metrics.json")
    (tmp_path / "metrics.json").write_text(metrics_json(metrics))
    assert read_metrics(tmp_path / "metrics.json") == metrics
    written = (tmp_path / "metrics.json").read_bytes()
    assert written == (tiny_checkpoint / "metrics.json").read_bytes()


def test_rates_and_intervals_follow_from_the_counts(tiny_checkpoint: Path) -> None:
    content = json.loads((tiny_checkpoint / "metrics.json").read_text())
    test = content["test"]
    low, high = test["interval_95"]
    assert test["accuracy"] == test["correct"] / test["total"]
    assert low <= test["accuracy"] <= high


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"total": 30', '"total": 0'),
        ('"total": 30', '"total": "30"'),
        ('"total": 30', '"total": -1'),
        ('"parameters": 1116970', '"parameters": "many"'),
        ('"checkpoint": "tiny"', '"checkpoint": null'),
        ('"seed": 5', '"seed": []'),
        ('{\n  "checkpoint"', "[" * 100_000),
    ],
)
def test_measurements_that_are_not_possible_are_refused(
    tiny_checkpoint: Path, tmp_path: Path, old: str, new: str
) -> None:
    file = tmp_path / "metrics.json"
    content = (tiny_checkpoint / "metrics.json").read_text()
    assert old in content
    file.write_text(content.replace(old, new))
    with pytest.raises(ZooError, match=r"metrics\.json is not a valid file of measurements"):
        read_metrics(file)


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"test": {"correct": 1, "total": 2}}'])
def test_files_that_are_not_measurements_are_refused(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "metrics.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ZooError, match=r"metrics\.json is not a valid file of measurements"):
        read_metrics(file)
