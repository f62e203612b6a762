"""The recorded results: whole, of studies there are, and what the pages say of them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from captum_rectgrad.studies.framework import bounds
from captum_rectgrad.studies.framework.registry import find, studies
from captum_rectgrad.studies.report.questions import QUESTIONS
from captum_rectgrad.studies.report.recorded_rows import csv_text, row_of
from captum_rectgrad.studies.report.report import report
from captum_rectgrad.studies.report.summary import PAGE, page

pytestmark = pytest.mark.checkout
FOLDER = Path(__file__).resolve().parents[2] / "docs" / "results"
RECORDED = sorted(file.parent.name for file in FOLDER.glob("*/result.json"))
README = (FOLDER / "README.md").read_text("utf-8")
# On CIFAR-10, in folders of their names. Runs on other data or with other options
# are in folders of a name that begins with theirs.
STANDARD = [name for name in RECORDED if name in {study.name for study in studies()}]


def result(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FOLDER / name / "result.json").read_text("utf-8"))
    return content


def test_the_page_of_claims_is_the_one_that_is_written() -> None:
    assert (FOLDER / PAGE).read_text("utf-8") == page(FOLDER)


@pytest.mark.parametrize("name", RECORDED)
def test_the_report_is_the_one_that_is_written_from_the_record(name: str) -> None:
    content = result(name)
    rows = [row_of(row) for row in content["rows"]]
    assert (FOLDER / name / "report.md").read_text("utf-8") == report(
        find(content["study"]), content
    )
    assert (FOLDER / name / "result.csv").read_text("utf-8") == csv_text(rows)


def test_every_study_answers_one_question() -> None:
    answering = [name for names in QUESTIONS.values() for name in names]
    assert sorted(answering) == sorted(study.name for study in studies())


def test_studies_without_a_recorded_run_are_named_on_the_page() -> None:
    missing = [study.name for study in studies() if study.name not in RECORDED]
    (said,) = re.findall(r"Not recorded yet: ([^.]*)\.", README) or [""]
    assert re.findall(r"`([\w-]+)`", said) == missing


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_run_is_whole(name: str) -> None:
    content = result(name)
    assert f"{name}-".startswith(f"{content['study']}-")
    if name in STANDARD:
        assert content["config"]["material"] == "CIFAR-10"
    elif content["study"] in STANDARD:
        assert content["config"] != result(content["study"])["config"]
    config = json.loads((FOLDER / name / "config.json").read_text("utf-8"))
    assert content["config"] == config
    assert config["preset"] != "smoke"
    report = (FOLDER / name / "report.md").read_text("utf-8")
    assert (FOLDER / name / "figure.png").stat().st_size > 10_000
    for claim in content["claims"]:
        assert claim["text"] in report
    # Nothing of the machine it was run on but its kind.
    assert not re.search(r"(?<![\w.:/-])/(?:home|root|tmp|work|usr)/", json.dumps(content) + report)


ENOUGH_NETWORKS = 3


def test_runs_that_explain_fewer_networks_than_three_are_named_on_the_page() -> None:
    few = []
    for name in RECORDED:
        used = result(name)["provenance"]["used"]
        plain = [used[f"network {role}"] for role in find(result(name)["study"]).roles[:1]]
        if any(len(networks.split("; ")) < ENOUGH_NETWORKS for networks in plain):
            few.append(name)
    (said,) = re.findall(r"Recorded on one network: ([^.]*)\.", README)
    assert re.findall(r"`([\w-]+)`", said) == few


@pytest.mark.parametrize("name", STANDARD)
def test_the_list_says_how_long_it_took(name: str) -> None:
    content = result(name)
    if not content["provenance"]["resumed"]:
        minutes = find(name).minutes[content["config"]["preset"]]
        assert minutes == content["provenance"]["minutes"]


def test_the_page_on_the_method_has_the_thresholds_that_were_measured() -> None:
    text = (FOLDER.parent / "method.md").read_text("utf-8")
    percentiles, shares = (
        [cell.strip() for cell in line.strip("|").split("|")[1:]]
        for line in text.splitlines()
        if line.startswith(("| q |", "| exactly zero |"))
    )
    rows = {row["threshold"]: row for row in result("threshold-sweep")["rows"]}
    measured = [rows[f"q = {q}"]["thresholds at zero"]["value"] for q in percentiles]
    assert shares == [f"{share * 100:.0f} %" for share in measured]
    assert len(shares) == 8


def test_the_page_of_definitions_has_all_bounds_with_their_reasons() -> None:
    _, section = (FOLDER / "definitions.md").read_text("utf-8").split("\n## Bounds\n")
    rows = [line for line in section.splitlines() if line.startswith("|")][2:]
    every = [one for one in vars(bounds).values() if isinstance(one, bounds.Bound)]
    assert rows == [f"| {one} | {one.meaning} | {one.reason} |" for one in every]
