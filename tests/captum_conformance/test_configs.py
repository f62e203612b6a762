"""The table that these checks run on is whole."""

from collections import Counter

from captum.testing.attr.helpers.test_config import config

import captum_rectgrad
from tests.support.captum_configs import (
    ALL,
    CASES,
    ENTRIES,
    FORMS,
    KIND_METHODS,
    KINDS,
    MAIN,
    VARIANTS,
    WITHOUT_TARGET,
    Case,
    kind,
)

# Public names that are no methods.
OTHERS = {"LayerStatistics", "RectGradError", "RectGradWarning", "rectified_grad"}
OTHERS |= {"Rule", "SelectedOutput", "SignRule", "ThresholdRule", "export_onnx", "show"}


def test_every_entry_of_captums_is_run_with_a_main_method_and_a_variant() -> None:
    # Counted with Captum 0.9: a release that empties the table is to be noticed.
    assert len(config) >= 77
    assert {case.name for case in ALL} == {entry["name"] for entry in config}
    assert {case.name for case in ALL} - ENTRIES.keys() == WITHOUT_TARGET
    counts = Counter(case.method for case in CASES)
    assert counts["RectGrad"] == 32
    assert counts["LayerRectGrad"] >= 25
    assert counts["NeuronRectGrad"] >= 19
    for cases in ENTRIES.values():
        main, *variant = (case.method for case in cases)
        assert main in MAIN
        assert len(variant) == 1
        assert variant[0] in VARIANTS
    assert sum(case.noise_tunnel for case in CASES) == 2 * 6


def test_every_public_method_occurs_about_equally() -> None:
    assert set(captum_rectgrad.__all__) > OTHERS
    public = set(captum_rectgrad.__all__) - OTHERS
    assert public == {case.method for case in CASES} == {*MAIN, *VARIANTS}
    counts = Counter(case.method for case in CASES)
    for methods in KIND_METHODS:
        numbers = [counts[name] for name in methods if name in VARIANTS]
        assert max(numbers) - min(numbers) <= 2
        assert min(numbers) >= 4
    # Also in the selections that not every entry is in.
    assert public == {case.method for cases in FORMS.values() for case in cases}
    assert public == {case.method for case in KINDS}


def test_the_selections_leave_out_no_kind_of_model_layer_or_argument() -> None:
    def kinds(cases: list[Case]) -> set[str]:
        return {kind(case) for case in cases}

    def arguments(cases: list[Case]) -> set[str]:
        return {f"{case.noise_tunnel} {name}" for case in cases for name in case.arguments}

    in_forms = [case for cases in FORMS.values() for case in cases]
    assert kinds(in_forms) == kinds(KINDS) == kinds(CASES)
    assert arguments(in_forms) == arguments(CASES)
