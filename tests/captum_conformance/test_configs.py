"""The table that these checks run on is whole, and there is something to compare in it."""

from collections import Counter

import pytest
from captum.testing.attr.helpers.test_config import config

import captum_rectgrad
from tests.captum_conformance.configs import ALL, CASES, WITHOUT_TARGET, Case, case_id

# Nets this small are often cut off whole, for some sample.
pytestmark = pytest.mark.filterwarnings("ignore:attribution of sample")


def test_every_entry_of_captums_is_run_with_every_public_method() -> None:
    # Counted with Captum 0.9: a release that empties the table is to be noticed.
    assert len(config) >= 77
    assert {case.name for case in ALL} == {entry["name"] for entry in config}
    assert {case.name for case in ALL} - {case.name for case in CASES} == WITHOUT_TARGET
    counts = Counter(case.method for case in CASES)
    of_inputs = {"RectGrad", "RectGradPRR", "RectGradMod", "RectGradConst", "NoBiasRectGrad"}
    of_inputs |= {"SaliencyMap", "DeconvNet", "GuidedBP"}
    assert of_inputs | {"LayerRectGrad", "NeuronRectGrad"} == set(counts)
    assert {counts[method] for method in of_inputs} == {32}
    assert counts["LayerRectGrad"] >= 25
    assert counts["NeuronRectGrad"] >= 19
    not_methods = {"RectGradError", "RectGradWarning"}
    assert set(counts) == set(captum_rectgrad.__all__) - not_methods
    assert sum(case.noise_tunnel for case in CASES) >= 30


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_attributions_are_shaped_as_captums_and_not_all_zero(case: Case) -> None:
    case = case.fresh()
    found = case.attribute()
    assert all(attribution.abs().max() > 1e-4 for attribution in found)
    assert all(len(attribution) == case.samples for attribution in found)
    if case.layer is None or case.method == "NeuronRectGrad":
        inputs = case.arguments["inputs"]
        several = inputs if isinstance(inputs, tuple) else (inputs,)
        assert [a.shape for a in found] == [x.shape for x in several]
        assert [a.dtype for a in found] == [x.dtype for x in several]
