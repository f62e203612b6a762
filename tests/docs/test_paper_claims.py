"""The table of claims of the papers has the verdicts of the records, and every recorded claim."""

import re

import pytest

from captum_rectgrad.studies.framework.registry import studies
from captum_rectgrad.studies.framework.result import Verdict, all_of
from tests.support.records import RESULTS, record

pytestmark = pytest.mark.checkout
PAGE = (RESULTS / "claims-of-the-papers.md").read_text("utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if line.startswith("|") and not line.startswith(("| where", "|---"))
]
OTHER = "not testable here: "
INVERTED: dict[Verdict, Verdict] = {"holds": "does not hold", "does not hold": "holds"}
_QUOTED = re.compile(r'(not )?"([^"]+)"(?: \(([^)]*)\))?')


def quoted(cell: str) -> tuple[str, list[tuple[bool, str, str]]]:
    """Study and claims, with their settings, of a cell; no study if it quotes none."""
    found = re.match(r"\[([\w-]+)\]\(\1/report\.md\): ", cell)
    if not found:
        return "", []
    texts = _QUOTED.findall(cell[found.end() :])
    return found[1], [(bool(no), text, setting) for no, text, setting in texts]


@pytest.mark.parametrize("row", ROWS, ids=[f"{row[0]}: {row[1][:40]}" for row in ROWS])
def test_the_status_of_a_claim_is_that_of_the_record(row: list[str]) -> None:
    where, claim, cell, _, status = row
    assert where
    assert claim
    study, texts = quoted(cell)
    if not study:
        assert '"' not in cell
        assert status.startswith(OTHER)
        return
    verdicts: list[Verdict] = []
    for no, text, setting in texts:
        matching = [
            one["verdict"]
            for one in record(study)["claims"]
            if one["text"].lower() == text.lower() and setting in one["source"]
        ]
        assert matching, f"no claim of {study} is {text!r} ({setting})"
        verdicts += [INVERTED.get(one, one) if no else one for one in matching]
    assert re.match(r"\*\*([\w ]+)\*\*", status)[1] == all_of(verdicts)  # type: ignore[index]


def test_every_recorded_claim_of_a_paper_is_in_the_table() -> None:
    listed = {
        (study, text.lower())
        for study, texts in (quoted(row[2]) for row in ROWS)
        for _, text, _ in texts
    }
    missing = [
        (study.name, claim["text"])
        for study in studies()
        if (RESULTS / study.name).is_dir()
        for claim in record(study.name)["claims"]
        if not claim["source"].startswith(("not in the paper", "ours"))
        and (study.name, claim["text"].lower()) not in listed
    ]
    assert missing == []
