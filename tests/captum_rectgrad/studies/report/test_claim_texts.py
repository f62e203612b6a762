"""What a report says of claims: counted, by verdict, with one number each."""

import pytest

from captum_rectgrad.studies.framework.result import Claim, Verdict
from captum_rectgrad.studies.report.claim_texts import (
    claims_table,
    counted,
    findings,
    found_text,
    number,
)


def claim(text: str, verdict: Verdict = "holds", setting: str = "", because: str = "so") -> Claim:
    return Claim(text, f"figure 1; {setting}" if setting else "figure 1", verdict, because)


@pytest.mark.parametrize(
    ("because", "expected"),
    [
        (
            "rank correlation 0.5936 (0.5693 to 0.6179), overlap 0.56 (0.47 to 0.65)",
            "0.594<br><small>0.569 to 0.618</small>",
        ),
        (
            "A is 0.00296 lower than B (signed)'s (95 % interval -0.0062 to 0.0121); 0.1 (0 to 1)",
            "0.003 lower<br><small>-0.006 to 0.012</small>",
        ),
        ("RectGrad's share is 0.5 higher than Saliency's (no interval)", "0.5 higher"),
        ("difference over 40 networks, relative to the largest value: 0; up to 1e-05", "0"),
        ("PR1: a2 (20); PR2: a3 (-100)", "in words"),
    ],
)
def test_the_first_number_of_a_reason(because: str, expected: str) -> None:
    assert number(claim("a", because=because)) == expected


def test_the_table_has_one_number_and_the_reasons_folded() -> None:
    claims = [
        claim("a", setting="weak", because="one 0.5 (0.4 to 0.6); other 0.7 (0.6 to 0.8)"),
        claim("a", setting="strong", because="one 0.9 (0.8 to 1)"),
        claim("b", because="no number"),
    ]
    one, other = claims_table(claims).splitlines()[2:]
    assert one == (
        "| a (2 settings) | **holds** | "
        "<details><summary>0.50<br><small>0.40 to 0.60</small></summary>"
        "<b>weak</b>: one 0.5 (0.4 to 0.6); other 0.7 (0.6 to 0.8)<br>"
        "<b>strong</b>: one 0.9 (0.8 to 1)</details> | figure 1 |"
    )
    folded = "<details><summary>in words</summary>no number</details>"
    assert other == f"| b | **holds** | {folded} | figure 1 |"


def test_verdicts_are_counted_in_a_sentence() -> None:
    claims = [claim("a"), claim("b"), claim("c", "undecided"), claim("d", "does not hold")]
    assert counted(claims) == "Of 4 claims, 2 hold, 1 is undecided and 1 does not hold."
    assert counted(claims[:2]) == "All 2 claims hold."
    assert counted(claims[2:3]) == "The claim is undecided."


def test_a_verdict_without_a_claim_has_no_heading() -> None:
    text = found_text([claim("a", "does not hold")])
    assert "- **Does not hold**\n    - a" in text
    assert "Holds" not in text
    assert "Undecided" not in text


def test_claims_of_one_text_are_put_together_with_their_settings() -> None:
    claims = [
        claim("a", setting="strong"),
        claim("b", setting="strong"),
        claim("a", setting="weak"),
        claim("b", "undecided", setting="weak"),
        *(claim("c", verdict, setting=verdict) for verdict in ("holds", "holds", "undecided")),
    ]
    assert [(found.verdict, found.text) for found in findings(claims)] == [
        ("holds", "a (2 settings)"),
        ("holds", "b (strong)"),
        ("holds", "c (2 of 3 settings)"),
        ("undecided", "b (weak)"),
        ("undecided", "c (undecided)"),
    ]
