"""Verdicts in tables can be told apart, are counted, and know their columns."""

import re
from collections import Counter

import pytest

from site_build.pages import ROOT
from site_build.tables import SIGNS, VERDICTS, counts, with_tables

TITLES = ("case", "RectGrad", "Other")


def table(*rows: tuple[str, ...]) -> str:
    header = "".join(f"<th>{title}</th>" for title in TITLES)
    body = "\n".join(f"<tr>\n{''.join(f'<td>{cell}</td>' for cell in row)}\n</tr>" for row in rows)
    return f"<table>\n<thead><tr>{header}</tr></thead>\n<tbody>{body}</tbody>\n</table>"


def test_verdicts_have_a_sign_a_word_and_a_class() -> None:
    row = ("<code>F.relu(x)</code>", "right", "wrong: plain gradient")
    html = with_tables(f"<h1>x</h1><h2>y</h2>{table(row)}", "hard-cases.md")
    assert '<th scope="row"><code>F.relu(x)</code></th>' in html
    right = '<span aria-hidden="true">✓</span> <b>right</b>'
    assert f'<td data-title="RectGrad" class="verdict right">{right}</td>' in html
    wrong = '<span aria-hidden="true">✗</span> <b>wrong</b>: plain gradient'
    assert f'<td data-title="Other" class="verdict wrong">{wrong}</td>' in html


def test_a_long_error_is_folded() -> None:
    text = "modified by an inplace operation: [torch.DoubleTensor"
    html = with_tables(f"<h2>y</h2>{table(('a', 'right', f'refused: {text}'))}", "hard-cases.md")
    assert re.search(rf"<details><summary>.*<b>refused</b></summary>{re.escape(text)}<", html)


def test_no_is_said_in_words() -> None:
    html = with_tables(table(("a", "yes", "-")), "peers.md")
    assert 'class="verdict no"><span aria-hidden="true">○</span> <b>no</b></td>' in html


def test_a_word_that_starts_like_a_verdict_is_none() -> None:
    html = with_tables(table(("a", "yesterday", "-1")), "peers.md")
    assert "verdict " not in html


def test_other_tables_scroll_and_keep_their_cells() -> None:
    html = with_tables(table(("a", "right", "wrong")), "limits.md")
    assert html.startswith('<div class="table" tabindex="0" role="group" aria-label="Table">')
    assert "<td>right</td><td>wrong</td>" in html


def test_only_tables_of_claims_have_verdicts_on_a_report() -> None:
    claims, numbers = table(("a", "<strong>holds</strong>", "0.5")), table(("a", "0.5", "0.6"))
    html = with_tables(claims + numbers, "results/patch/report.md")
    assert 'verdict holds"><span aria-hidden="true">✓</span> <b>holds</b></td>' in html
    assert html.count('<div class="table verdicts"') == 1
    assert "<td>0.5</td><td>0.6</td>" in html


def test_every_verdict_has_a_sign() -> None:
    assert {word for words in VERDICTS.values() for word in words} == set(SIGNS)


def test_the_summary_counts_every_case() -> None:
    markdown = pytest.importorskip("markdown", reason="needs the extra docs")
    text = (ROOT / "docs" / "hard-cases.md").read_text("utf-8")
    expected: dict[str, Counter[str]] = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 6 and cells[1] != "RectGrad" and cells[0] != "---":
            expected.setdefault("RectGrad", Counter())[cells[1].partition(":")[0]] += 1
            expected.setdefault("zennit", Counter())[cells[4].partition(":")[0]] += 1
    html = markdown.markdown(text, extensions=["tables"])
    found = counts(html, VERDICTS["hard-cases.md"])
    assert found["RectGrad"] == expected["RectGrad"]
    assert found["zennit GuidedBackprop"] == expected["zennit"]
    number = found["zennit GuidedBackprop"]["wrong"]
    assert f'data-title="✗ silently wrong">{number}</td>' in with_tables(html, "hard-cases.md")
