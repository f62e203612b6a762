import csv
import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from captum_rectgrad.errors import RectGradError
from captum_rectgrad.evaluation.estimate import Estimate
from captum_rectgrad.studies.framework.registry import find
from captum_rectgrad.studies.framework.result import Claim, Result
from captum_rectgrad.studies.report.run_folder import (
    check_used,
    claim_folder,
    read_claims,
    read_used,
    record,
    unclaimed_if_nothing_was_done,
)

CONFIG = {"preset": "smoke", "material": "shapes", "images": 3, "methods": ["a", "b"]}
CLAIM = Claim("it is so", "figure 7", "undecided", "of the numbers")


def result() -> Result:
    figure = Figure()
    FigureCanvasAgg(figure)
    return Result(
        rows=[{"method": "a, b", "amount": Estimate(1.5, 1.0, float("nan"), 3), "empty": None}],
        claims=[CLAIM],
        figure=figure,
        notes=["a note"],
    )


def test_what_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "run"
    assert claim_folder(folder, CONFIG) == "new"
    assert claim_folder(folder, CONFIG) == "begun"
    record(folder, find("patch"), result(), CONFIG, {"date": "today", "used": {"data": "f00"}})
    assert claim_folder(folder, CONFIG) == "done"
    assert read_used(folder) == {"data": "f00"}
    check_used(folder, {"data": "f00"})
    with pytest.raises(
        RectGradError, match=r"on other data or networks: data was 'f00', is 'ba5'\. Give"
    ):
        check_used(folder, {"data": "ba5"})
    assert sorted(file.name for file in folder.iterdir()) == [
        "config.json",
        "figure.pdf",
        "figure.png",
        "report.md",
        "result.csv",
        "result.json",
    ]
    content = json.loads((folder / "result.json").read_text())
    assert content["rows"] == [
        {
            "method": "a, b",
            "amount": {"value": 1.5, "low": 1.0, "high": None, "count": 3},
            "empty": None,
        }
    ]
    assert content["config"] == CONFIG
    assert read_claims(folder) == [CLAIM]
    with (folder / "result.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row == {
        "method": "a, b",
        "amount": "1.5",
        "amount, low": "1.0",
        "amount, high": "",
        "amount, count": "3",
        "empty": "",
    }
    Image.open(folder / "figure.png").verify()
    text = (folder / "report.md").read_text()
    for said in ("**undecided**", "it is so", "a note", "smoke run", "f00", "1.5 (1 to nan)"):
        assert said in text


def test_a_folder_of_another_run_is_refused_with_the_difference(tmp_path: Path) -> None:
    claim_folder(tmp_path / "run", CONFIG)
    other = {**CONFIG, "images": 4, "seed": 1}
    with pytest.raises(RectGradError, match=r"images was 3, is 4; seed was None, is 1\. Give"):
        claim_folder(tmp_path / "run", other)
    with pytest.raises(RectGradError, match="methods was"):
        claim_folder(tmp_path / "run", {**CONFIG, "methods": ["b", "a"]})


def test_a_folder_without_a_run_is_refused_and_unchanged(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(RectGradError, match="is not empty and holds no run"):
        claim_folder(tmp_path, CONFIG)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


def test_what_a_killed_process_left_of_its_configuration_is_no_run(tmp_path: Path) -> None:
    (tmp_path / ".config.4711.unfinished.json").write_text("{")
    assert claim_folder(tmp_path, CONFIG) == "new"
    assert claim_folder(tmp_path, CONFIG) == "begun"


def test_a_damaged_configuration_raises_an_error(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(RectGradError, match=r"config\.json is not valid JSON"):
        claim_folder(tmp_path, CONFIG)


def test_a_damaged_result_does_not_count_as_done(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "out"
    assert claim_folder(folder, {"a": 1}) == "new"
    (folder / "result.json").write_text('{"trunc')
    assert claim_folder(folder, {"a": 1}) == "begun"
    assert "result.json is not valid JSON" in caplog.text


FINISHED: dict[str, Any] = {
    "study": "patch",
    "config": {},
    "provenance": {"used": {"data": "f00"}},
    "claims": [dataclasses.asdict(CLAIM)],
}
NOT_RESULTS = {
    "a list": "[1]",
    "a number": "3",
    "nested": "[" * 100_000 + "]" * 100_000,
    "a nested value": '{"claims": ' + "[" * 100_000 + "]" * 100_000 + "}",
    "empty": "{}",
    **{
        f"{key}={value}": json.dumps({**FINISHED, key: value})
        for key, values in {
            "claims": [3, [3], [{"text": "so"}], [{**FINISHED["claims"][0], "verdict": 3}], None],
            "provenance": [3, [], {"used": 3}, {"used": {"data": 3}}],
            "config": [3, []],
            "study": [3, []],
        }.items()
        for value in values
    },
}


@pytest.mark.parametrize("text", NOT_RESULTS.values(), ids=NOT_RESULTS)
def test_json_that_is_no_result_does_not_count_as_done(
    text: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    claim_folder(tmp_path, {"a": 1})
    (tmp_path / "result.json").write_text(json.dumps(FINISHED))
    assert claim_folder(tmp_path, {"a": 1}) == "done"
    (tmp_path / "result.json").write_text(text)
    assert claim_folder(tmp_path, {"a": 1}) == "begun"
    (record,) = caplog.records
    assert str(tmp_path / "result.json") in record.getMessage()


@pytest.mark.parametrize("text", ["[1]", "3", '"a"', "null", "[" * 100_000 + "]" * 100_000])
def test_json_that_is_no_configuration_is_refused_by_name(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(RectGradError, match=rf"{tmp_path}/config\.json .*--out"):
        claim_folder(tmp_path, {"a": 1})


def test_a_run_that_kept_nothing_leaves_no_claim(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    claim_folder(folder, {"a": 1})
    with pytest.raises(ValueError, match="no data"), unclaimed_if_nothing_was_done(folder):
        raise ValueError("no data")
    assert not any(folder.iterdir())
    claim_folder(folder, {"a": 2})
    (folder / "kept").touch()
    with pytest.raises(ValueError, match="later"), unclaimed_if_nothing_was_done(folder):
        raise ValueError("later")
    assert (folder / "config.json").exists()
