"""Every study, from its configuration to its folder, on material that takes no time."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from captum_rectgrad.errors import RectGradError
from captum_rectgrad.studies.lab import Lab
from captum_rectgrad.studies.material import MaskedImages
from captum_rectgrad.studies.registry import STUDIES, find
from captum_rectgrad.studies.running import run_all, run_study
from captum_rectgrad.studies.study import PRESETS, AnyStudy
from tests.captum_rectgrad.studies.conftest import Tiny

pytestmark = pytest.mark.filterwarnings("ignore:the map of sample", "ignore:the maps of")


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.name)
def test_a_study_writes_its_folder(study: AnyStudy, lab: Callable[..., Lab]) -> None:
    made = lab()
    report = run_study(study, "smoke", made)
    content = json.loads((made.folder / "result.json").read_text())
    assert content["rows"]
    assert len({tuple(row) for row in content["rows"]}) == 1  # the same columns
    assert {claim["verdict"] for claim in content["claims"]} <= {
        "holds",
        "does not hold",
        "undecided",
    }
    assert content["provenance"]["used"]
    text = report.read_text()
    for claim in content["claims"]:
        assert claim["text"] in text
    # In the same folder it is there already; in another it gives the same numbers.
    before = (made.folder / "result.json").stat().st_mtime_ns
    run_study(study, "smoke", lab())
    assert (made.folder / "result.json").stat().st_mtime_ns == before
    again = lab(folder="again")
    run_study(study, "smoke", again)
    assert json.loads((again.folder / "result.json").read_text())["rows"] == content["rows"]


def test_another_seed_needs_another_folder(lab: Callable[..., Lab]) -> None:
    study = find("background")
    run_study(study, "smoke", lab("saliency"))
    with pytest.raises(RectGradError, match="seed was 0, is 1"):
        run_study(study, "smoke", replace(lab("saliency"), seed=1))


class WithoutMasks(Tiny):
    def masked(self) -> MaskedImages:
        raise RectGradError("this study needs masks")


def test_all_studies_and_one_report(lab: Callable[..., Lab], tmp_path: Path) -> None:
    chosen = [find("background"), find("total-variation")]
    made = replace(lab("saliency", "rectgrad"), material=WithoutMasks())
    done, report = run_all(chosen, "smoke", made)
    text = report.read_text()
    assert done is False
    assert report == tmp_path / "out" / "report.md"
    assert "Not run: this study needs masks" in text
    assert "[report](total-variation/report.md)" in text
    claims = json.loads((tmp_path / "out" / "total-variation" / "result.json").read_text())
    assert all(claim["text"] in text for claim in claims["claims"])


def test_the_table_is_complete() -> None:
    names = [study.name for study in STUDIES]
    assert len(set(names)) == len(names)
    for study in STUDIES:
        assert set(study.presets) == set(study.minutes) == set(PRESETS)
    with pytest.raises(ValueError, match="'none' is no study; choose from occluded-saliency"):
        find("none")
