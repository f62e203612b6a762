"""RectGrad's column of the table of hard cases, and the table itself where the peers are."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from torch import nn

from benchmarks.hard_cases.methods import METHODS, OURS
from benchmarks.hard_cases.nets import build, images
from benchmarks.hard_cases.outcome import Case, Outcome, compare
from benchmarks.hard_cases.page import GROUPS, packages
from benchmarks.hard_cases.residual import by_a_module, by_a_module_of_the_call, relevance
from benchmarks.hard_cases.versions import (
    CELLS_OF_THE_OLDER,
    COLUMN,
    OF_THE_PAGE,
    OLDER,
    as_with_the_older,
    is_older,
    section,
)
from captum_rectgrad import SelectedOutput
from captum_rectgrad._engine.activations import is_activation

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "hard-cases.md"
CASES = [case for cases in GROUPS.values() for case in cases]


# The nets are of double precision; one is traced.
@pytest.mark.usefixtures("unperturbed")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_rectgrad(case: Case) -> None:
    outcome = case.check(OURS)
    assert outcome.kind == case.expected, str(outcome)


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case.networks and case.expected == "right"],
    ids=lambda case: case.name,
)
def test_the_twin_computes_the_same_and_is_plain(case: Case) -> None:
    assert case.networks is not None
    hard, twin = map(build, case.networks)
    called: list[nn.Module] = []
    for module in twin.modules():
        assert not getattr(module, "inplace", False)
        if is_activation(type(module)):
            module.register_forward_hook(lambda module, *_: called.append(module))
    with torch.no_grad():
        found = SelectedOutput(hard)(images(2))
        torch.testing.assert_close(found, twin(images(2)), rtol=1e-12, atol=1e-12)
    assert called
    assert len(called) == len(set(called))


def test_what_counts_as_wrong() -> None:
    truth = torch.tensor([[1.0, -2.0]], dtype=torch.float64)
    gradient = torch.tensor([[3.0, 4.0]], dtype=torch.float64)
    assert compare(truth + 1e-10, truth, gradient) == Outcome("right")
    assert compare(truth + 1e-8, truth, gradient) == Outcome("wrong", "off by 5e-09")
    assert compare(gradient, truth, gradient) == Outcome("wrong", "plain gradient")
    assert compare(truth / 0, truth) == Outcome("wrong", "not finite")
    assert compare(truth, truth.repeat(2, 1)) == Outcome("wrong", "first sample only")


@pytest.mark.skipif(find_spec("zennit") is None, reason="needs zennit")
def test_relevance_doubles_where_zennit_does_not_find_the_sum() -> None:
    from zennit.layer import Sum  # noqa: PLC0415

    assert relevance(lambda: by_a_module(Sum)) == pytest.approx(1, abs=1e-3)
    assert relevance(lambda: by_a_module_of_the_call(Sum)) == pytest.approx(2, abs=1e-3)


def test_the_page_with_the_older_zennit_has_its_cells() -> None:
    page = PAGE.read_text("utf-8")
    older = as_with_the_older(page)
    assert {case.name for case in CASES} >= CELLS_OF_THE_OLDER.keys()
    assert section() in page
    changed = [
        (before, after)
        for before, after in zip(page.splitlines(), older.splitlines(), strict=True)
        if before != after
    ]
    (head, now), *rows = changed
    assert head.replace(f"zennit {OF_THE_PAGE}", f"zennit {OLDER}") == now
    cells = {after.split(" | ")[0][2:]: after.split(" | ")[COLUMN] for _, after in rows}
    assert cells == CELLS_OF_THE_OLDER


@pytest.mark.slow
@pytest.mark.skipif(not all(method.installed for method in METHODS), reason="needs the peers")
def test_the_page_says_what_is_measured() -> None:
    page = PAGE.read_text("utf-8")
    if packages() not in (as_with_the_older(page) if is_older() else page):
        pytest.skip(f"the page was measured with other versions than {packages()}")
    command = [sys.executable, "-m", "benchmarks.hard_cases", "--out", "docs/hard-cases.md"]
    done = subprocess.run(
        [*command, "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
