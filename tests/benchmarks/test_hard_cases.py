"""RectGrad's column of the table of hard cases, and the table itself where the peers are."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmarks.hard_cases.methods import METHODS, OURS
from benchmarks.hard_cases.outcome import Case, Outcome, compare
from benchmarks.hard_cases.page import GROUPS

ROOT = Path(__file__).parents[2]
CASES = [case for cases in GROUPS.values() for case in cases]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_rectgrad(case: Case) -> None:
    outcome = case.check(OURS)
    assert outcome.kind == case.expected, str(outcome)


def test_what_counts_as_wrong() -> None:
    truth = torch.tensor([[1.0, -2.0]], dtype=torch.float64)
    gradient = torch.tensor([[3.0, 4.0]], dtype=torch.float64)
    assert compare(truth + 1e-10, truth, gradient) == Outcome("right")
    assert compare(truth + 1e-8, truth, gradient) == Outcome("wrong", "off by 5e-09")
    assert compare(gradient, truth, gradient) == Outcome("wrong", "plain gradient")
    assert compare(truth / 0, truth) == Outcome("wrong", "not finite")
    assert compare(truth, truth.repeat(2, 1)) == Outcome("wrong", "first sample only")


@pytest.mark.slow
@pytest.mark.skipif(not all(method.installed for method in METHODS), reason="needs the peers")
def test_the_page_says_what_is_measured() -> None:
    command = [sys.executable, "-m", "benchmarks.hard_cases", "--out", "docs/hard-cases.md"]
    done = subprocess.run(
        [*command, "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
