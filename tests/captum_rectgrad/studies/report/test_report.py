"""The page of a run, as a reader sees it."""

from collections.abc import Callable
from typing import Any

import pytest

from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.framework.registry import find
from captum_rectgrad.studies.report.provenance import run_provenance
from captum_rectgrad.studies.report.report import report
from captum_rectgrad.studies.report.run_folder import recorded
from captum_rectgrad.studies.report.run_studies import recorded_config
from tests.captum_rectgrad.studies.conftest import resized

pytestmark = pytest.mark.filterwarnings("ignore:attribution of sample")


def page(name: str, made: StudyContext, **sizes: Any) -> str:
    """The report of a run. Its figures are not drawn."""
    study = resized(find(name), **sizes)
    result = study.run(study.presets["smoke"], made)
    origin = run_provenance(made, 0, resumed=False)
    content = recorded(study, result, recorded_config(study, "smoke", made), origin)
    return report(study, content)


def origin(name: str, made: StudyContext, **sizes: Any) -> list[str]:
    """What the report says of where its numbers come from."""
    text = page(name, made, **sizes)
    return text.partition("## Provenance\n\n")[2].splitlines()


def test_methods_that_were_not_run_are_not_named(context: Callable[..., StudyContext]) -> None:
    keys = ("saliency", "smoothgrad", "rectgrad", "random")
    compared = origin("total-variation", context(*keys, folder="all"), images=2)
    assert "- methods: saliency, smoothgrad, rectgrad, random" in compared
    assert len([line for line in compared if ", run with: " in line]) == 2
    assert any(line.startswith("- final percentile of baselines: 95") for line in compared)
    sizes = {"fractions": (0.5,), "forms": ("absolute",), "train_images": 10, "test_images": 10}
    few = origin("roar-kar", context(*keys, folder="few"), **sizes)
    assert "- methods: saliency, rectgrad, random" in few
    assert not any("smoothgrad" in line or "of_methods" in line for line in few)
    own = origin("layers", context(*keys, folder="none"))
    assert not any("smoothgrad" in line or "final percentile" in line for line in own)


def test_the_report_has_no_duplicate_facts(context: Callable[..., StudyContext]) -> None:
    names = [line.partition(": ")[0] for line in origin("background", context("saliency"))]
    assert "- device" in names
    assert len(set(names)) == len(names)


def test_claims_on_methods_that_were_not_run_are_not_judged(
    context: Callable[..., StudyContext],
) -> None:
    for name in ("background", "patch", "coherence", "total-variation"):
        text = page(name, context("saliency", folder=name))
        assert "RectGrad" not in text.partition("## Claims")[2].partition("## Numbers")[0]
