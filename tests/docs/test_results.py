"""The recorded results: whole, of studies there are, and what the pages say of them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from captum_rectgrad.studies.framework.registry import find, studies
from captum_rectgrad.studies.report.summary import PAGE, page

pytestmark = pytest.mark.checkout
FOLDER = Path(__file__).resolve().parents[2] / "docs" / "results"
RECORDED = sorted(file.parent.name for file in FOLDER.glob("*/result.json"))
# On CIFAR-10, in folders of their names; others are in folders of a name that begins with theirs.
STANDARD = [name for name in RECORDED if name in {study.name for study in studies()}]


def result(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FOLDER / name / "result.json").read_text("utf-8"))
    return content


def test_the_page_of_claims_is_the_one_that_is_written() -> None:
    assert (FOLDER / PAGE).read_text("utf-8") == page(FOLDER)


def test_studies_without_a_recorded_run_are_named_on_the_page() -> None:
    missing = [study.name for study in studies() if study.name not in RECORDED]
    text = (FOLDER / "README.md").read_text("utf-8")
    (said,) = re.findall(r"Not recorded yet: ([^.]*)\.", text) or [""]
    assert re.findall(r"`([\w-]+)`", said) == missing


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_run_is_whole(name: str) -> None:
    content = result(name)
    assert f"{name}-".startswith(f"{content['study']}-")
    assert (content["config"]["material"] == "CIFAR-10") == (name in STANDARD)
    config = json.loads((FOLDER / name / "config.json").read_text("utf-8"))
    assert content["config"] == config
    assert config["preset"] != "smoke"
    report = (FOLDER / name / "report.md").read_text("utf-8")
    assert (FOLDER / name / "figure.png").stat().st_size > 10_000
    for claim in content["claims"]:
        assert claim["text"] in report
    # Nothing of the machine it was run on but its kind.
    assert not re.search(r"(?<![\w.:/-])/(?:home|root|tmp|work|usr)/", json.dumps(content) + report)


@pytest.mark.parametrize("name", STANDARD)
def test_the_list_says_how_long_it_took(name: str) -> None:
    content = result(name)
    if not content["provenance"]["resumed"]:
        minutes = find(name).minutes[content["config"]["preset"]]
        assert minutes == content["provenance"]["minutes"]


def rounded(row: dict[str, Any], column: str) -> str:
    return f"{row[column]['value']:.2f}"


def percentile_row(method: str, q: str) -> dict[str, Any]:
    rows = result("rectgrad-percentiles")["rows"]
    (row,) = (row for row in rows if (row["method"], row["q"]) == (method, q))
    return dict(row)


HALF, WHOLE = "likeness with the later half of the layers random", "likeness with all layers random"
CLASSES, IMAGE = "likeness of maps for other classes", "correlation with the image"
COSINE = "absolute cosine of two random backward signals at the input"


def test_the_page_on_trust_has_the_numbers_that_were_measured() -> None:
    text = (FOLDER.parent / "when-not-to-trust-a-map.md").read_text("utf-8").replace("*", "")
    lines = [line for line in text.splitlines() if line.startswith(("| Saliency", "| RectGrad"))]
    assert len(lines) == 8
    for line in lines:
        method, q, *numbers = (cell.strip() for cell in line.strip("|").split("|"))
        row = percentile_row(method, q)
        assert numbers == [rounded(row, name) for name in (HALF, WHOLE, CLASSES, IMAGE, COSINE)]
    theory = {
        row["rule"]: row["correlation with image or activations"]["value"]
        for row in result("nie-theory")["rows"]
        if row["size"] == "filters 1024"
    }
    image = rounded(percentile_row("RectGrad", "98"), IMAGE)
    ours, theirs = theory["RectGrad, q = 98"], theory["Guided BP"]
    assert decimals(text, "RectGrad maps are not the input image") == [
        image,
        f"{ours:.2f}",
        f"{theirs:.2f}",
    ]


def test_the_readme_and_the_limits_have_the_numbers_that_were_measured() -> None:
    ours, saliency = percentile_row("RectGrad", "98"), percentile_row("Saliency", "")
    expected = [rounded(row, name) for name in (HALF, CLASSES) for row in (ours, saliency)]
    readme = (FOLDER.parents[1] / "README.md").read_text("utf-8")
    assert decimals(readme, "RectGrad maps depend little") == expected
    nobias = percentile_row("NoBias RectGrad", "98")
    expected += [rounded(nobias, HALF), rounded(nobias, CLASSES)]
    limits = (FOLDER.parent / "limits.md").read_text("utf-8")
    assert decimals(limits, "Later layers and the class") == expected


def decimals(text: str, start: str) -> list[str]:
    """The numbers with two decimals in the list item or paragraph that begins with a text."""
    (item,) = re.findall(rf"{re.escape(start)}(.*?)(?=\n- |\n\n|\Z)", text, re.DOTALL)
    return re.findall(r"(?<![\d.])\d\.\d\d(?!\d|\.\d)", item)


def test_the_results_page_says_where_rectgrad_goes_in_theorem_1() -> None:
    text = " ".join((FOLDER / "README.md").read_text("utf-8").split())
    rows = {
        row["rule"]: row
        for row in result("nie-theory")["rows"]
        if row["of"] == "map" and row["size"] == "filters 1024"
    }
    found = rows["RectGrad, q = 98"]
    assert (
        f"correlation with the limit is {rounded(found, 'correlation with the limit')} at 1,024 "
        "filters, that with the image itself "
        f"{rounded(found, 'correlation with image or activations')}." in text
    )


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
