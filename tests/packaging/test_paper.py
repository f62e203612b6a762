"""The paper for JOSS: it compiles, and its numbers are those of the records that it names."""

import json
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_golden import NETS
from tests.support.requirements import ROOT

FOLDER = ROOT / "paper"
PAPER = (FOLDER / "paper.md").read_text(encoding="utf-8")
TEXT = " ".join(PAPER.split())
SECTIONS = [
    "Summary",
    "Statement of need",
    "State of the field",
    "What is measured",
    "Acknowledgements",
    "References",
]
# Columns of docs/hard-cases.md, and rows of the paper's table.
METHODS = {
    "RectGrad": "RectGrad (this package)",
    "Captum GuidedBackprop": "Captum, `GuidedBackprop`",
    "Captum Deconvolution": "Captum, `Deconvolution`",
    "zennit GuidedBackprop": "zennit, `GuidedBackprop`",
    "pytorch-grad-cam GuidedBackprop": "pytorch-grad-cam, `GuidedBackprop`",
}
OUTCOMES = ("right", "not treated", "warns or refuses", "error", "wrong")


def compiled(folder: Path, *to: str) -> str:
    """What pandoc makes of a paper, as plain text; a citation without an entry is an error."""
    pandoc = shutil.which("pandoc")
    if pandoc is None:
        pytest.skip("no pandoc")
    command = [pandoc, "paper.md", "--citeproc", "--fail-if-warnings", "--wrap", "none", *to]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def record(path: str) -> dict[str, Any]:
    assert path.rpartition("/")[0] in PAPER  # named where its numbers are
    content: dict[str, Any] = json.loads((ROOT / path).read_text(encoding="utf-8"))
    return content


def test_it_compiles_and_cites_every_entry() -> None:
    plain = compiled(FOLDER, "--to", "plain")
    assert [line for line in plain.splitlines() if line in SECTIONS] == SECTIONS
    keys = set(
        re.findall(r"^@\w+\{(\w+),", (FOLDER / "paper.bib").read_text("utf-8"), re.MULTILINE)
    )
    assert set(re.findall(r"(?<!\w)@(\w+)", PAPER)) == keys
    assert 750 <= len(plain.partition("\nReferences\n")[0].split()) <= 1200


def test_a_citation_without_an_entry_is_found(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "paper")
    (tmp_path / "paper/paper.md").write_text(f"{PAPER}\n\nAs in @nobody1900.\n", encoding="utf-8")
    with pytest.raises(subprocess.CalledProcessError):
        compiled(tmp_path / "paper", "--to", "plain")


@pytest.mark.checkout
def test_the_files_that_it_names_exist() -> None:
    named = re.findall(r"`((?:docs|tests|benchmarks)/[^`]*)`", PAPER)
    assert len(named) > len(SECTIONS)
    assert all((ROOT / path).exists() for path in named), named


def test_the_hard_cases_are_counted_right() -> None:
    found: Counter[tuple[str, str]] = Counter()
    head: list[str] = []
    for line in (ROOT / "docs/hard-cases.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("| case |"):
            head = cells(line)[1:]
        elif line.startswith("| ") and not line.startswith("| ---") and len(head) == len(METHODS):
            for method, cell in zip(head, cells(line)[-len(METHODS) :], strict=True):
                outcome = re.sub("^(warns|refused)", "warns or refuses", cell.partition(":")[0])
                (kind,) = [known for known in OUTCOMES if outcome.startswith(known)]
                found[METHODS[method], kind] += 1
    for row in METHODS.values():
        counts = " | ".join(str(found[row, kind]) for kind in OUTCOMES)
        assert f"| {row} | {counts} |" in PAPER


def test_the_counts_of_families_and_reference_maps() -> None:
    families = (ROOT / "docs/timm-support.md").read_text(encoding="utf-8")
    ((all_of_them, right),) = re.findall(r"Of (\d+) families: (\d+) right", families)
    assert (
        f"Of the {all_of_them} architecture families of timm [@wightman2019], {right} give" in TEXT
    )
    assert f"{sum(NETS.values())} maps of nine networks" in TEXT


@pytest.mark.checkout
def test_the_numbers_of_the_studies() -> None:
    rows = record("docs/results/rectgrad-percentiles/result.json")["rows"]
    measures = (
        "similarity with the later half of the layers random",
        "similarity of maps for other classes",
    )
    by_method = {
        row["method"]: [f"{row[measure]['value']:.2f}" for measure in measures]
        for row in rows
        if row["q"] in {"", "98"}
    }
    layers, classes = by_method["RectGrad"]
    assert f"a rank correlation of {layers} with those of the trained network" in TEXT
    assert f"they have one of {classes}. For gradient times input these are" in TEXT
    assert f"these are {' and '.join(by_method['Gradient * Input'])}." in TEXT
    flipped = {
        row["method"]: f"{row['rank correlation, flipped']['value']:.2f}"
        for row in record("docs/results/adversarial/result.json")["rows"]
        if row["epsilon"] == 0.01 and row["final threshold"] == "95th percentile of the pixels"
    }
    said = "a rank correlation of {RectGrad} with those before, and saliency's of {Saliency} ("
    assert said.format(**flipped) in TEXT


@pytest.mark.checkout
def test_what_it_says_of_claims_is_the_records() -> None:
    for study, claim, verdict in (
        (
            "coherence",
            "Maps of RectGrad fall on the object more than those of all baselines",
            "holds",
        ),
        ("roar-kar", "RectGrad has a lower ROAR AUC than all baselines", "holds"),
        ("roar-kar", "RectGrad has a lower KAR AOC than all baselines", "does not hold"),
    ):
        claims = record(f"docs/results/{study}/result.json")["claims"]
        verdicts = [one["verdict"] for one in claims if one["text"] == claim]
        assert set(verdicts) == {verdict}, claim


def test_the_costs_are_those_recorded() -> None:
    costs = record("benchmarks/results/attribution-cpu.json")
    networks = {row["network"]: row["ratios"]["rectgrad"] for row in costs["groups"]["Networks"]}
    medians = {name: round(ratio["median"], 2) for name, ratio in networks.items()}
    assert len(medians) == 6
    least, most = min(medians.values()), max(medians.values())
    assert [name for name in medians if medians[name] == least] == ["vgg16"]
    assert {name for name in medians if medians[name] == most} == {
        "cifar10_cnn",
        "vit_tiny_patch16_224",
    }
    assert (
        f"{least:.2f} times (VGG-16) and {most:.2f} times (the network for CIFAR-10, ViT-Tiny)"
        in TEXT
    )
    assert sum(ratio["low"] > 1.1 for ratio in networks.values()) == 1
