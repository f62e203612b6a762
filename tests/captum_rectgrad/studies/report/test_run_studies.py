"""Every study, from its configuration to its folder, on material that takes no time."""

import json
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest
from torch import Tensor

from captum_rectgrad.errors import RectGradError
from captum_rectgrad.evaluation.methods import MethodUnreliableError
from captum_rectgrad.studies.data.study_data import MaskedImages, Network
from captum_rectgrad.studies.framework.context import MASKED, StudyContext
from captum_rectgrad.studies.framework.registry import find, studies
from captum_rectgrad.studies.framework.result import Result
from captum_rectgrad.studies.framework.study import AnyStudy
from captum_rectgrad.studies.options import PAPER, PRESETS, Role
from captum_rectgrad.studies.report.run_studies import run_all, run_study
from rectgrad_zoo import ZooError
from rectgrad_zoo.data.cifar10 import Split
from rectgrad_zoo.data.images import LabelledImages
from tests.captum_rectgrad.studies.conftest import ThreeNetworks, Tiny, resized

RESULTS = Path(__file__).resolve().parents[4] / "docs" / "results"
pytestmark = pytest.mark.filterwarnings("ignore:attribution of sample")


# Of the studies that take longest. Their presets run under tests/integration.
SMALLER: dict[str, dict[str, Any]] = {
    "nie-layers": {"images": 2, "steps": 2, "repeats": 1},
    "nie-theory": {"filters": (8,), "widths": (16,), "networks": 3},
    "rectgrad-percentiles": {"percentiles": (98.0,)},
    "roar-kar": {"fractions": (0.5,), "train_images": 10, "test_images": 10},
    "threshold-sweep": {"images": 3},
}


@pytest.mark.bitwise("the same study in another folder gives the same rows")
@pytest.mark.parametrize("study", studies(), ids=lambda study: study.name)
def test_a_study_writes_its_folder(study: AnyStudy, context: Callable[..., StudyContext]) -> None:
    study, made = resized(study, **SMALLER.get(study.name, {})), context()
    results: list[Result] = []

    def run(config: object, given: StudyContext) -> Result:
        results.append(study.run(config, given))
        return results[-1]

    report = run_study(replace(study, run=run), "smoke", made)
    content = json.loads((made.folder / "result.json").read_text())
    assert content["rows"]
    assert len({tuple(row) for row in content["rows"]}) == 1  # the same columns
    assert {claim["verdict"] for claim in content["claims"]} <= {
        "holds",
        "does not hold",
        "undecided",
    }
    # nie-edges also uses masks where there are any; photographs have none.
    optional = {MASKED} if study.name == "nie-edges" else set()
    assert set(content["provenance"]["used"]) == {*study.needs, *optional}
    text = report.read_text()
    for claim in content["claims"]:
        assert claim["text"] in text
    # In the same folder it is there already; in another it gives the same numbers.
    before = (made.folder / "result.json").stat().st_mtime_ns
    run_study(study, "smoke", context())
    assert (made.folder / "result.json").stat().st_mtime_ns == before
    other = context(folder="again")
    again = study.run(study.presets["smoke"], other)
    assert set(other.used) == set(content["provenance"]["used"])
    (first,) = results
    assert repr(again.rows) == repr(first.rows)  # as text: NaN is not equal to itself
    assert again.claims == first.claims
    assert len(content["rows"]) == len(first.rows)


@pytest.mark.parametrize("study", studies(), ids=lambda study: study.name)
def test_a_study_explains_all_networks_of_its_role(
    study: AnyStudy, context: Callable[..., StudyContext]
) -> None:
    if not study.roles:
        pytest.skip("it makes its own networks")
    made = replace(context("saliency", "rectgrad"), study_data=ThreeNetworks())
    smaller = resized(study, **SMALLER.get(study.name, {}))
    text = run_study(smaller, "smoke", made).read_text()
    used = json.loads((made.folder / "result.json").read_text())["provenance"]["used"]
    role = study.roles[0]
    names = [f"tiny-{role}-{seed}" for seed in range(3)]
    if study.one_network:
        assert used[f"network {role}"] == f"{names[0]}, SHA-256 {'0' * 64}"
        assert f"Verdicts on {role} networks are about one network: {names[0]}." in text
    else:
        said = "; ".join(f"{name}, SHA-256 {str(seed) * 64}" for seed, name in enumerate(names))
        assert used[f"network {role}"] == said
        assert "over 3 networks, which differ by the seed of their training, and over" in text
    run_study(smaller, "smoke", replace(made, used={}))  # it is the same run
    check_columns_of_the_record(study.name, made.folder / "result.json")


def check_columns_of_the_record(name: str, file: Path) -> None:
    """The recorded run has the columns of this one, unless the page of results says it is older."""
    recorded = RESULTS / name / "result.json"
    if not recorded.exists():  # only in a checkout
        return
    older = re.findall(
        r"Recorded before the present form of the study: ([^.]*)\.",
        (RESULTS / "README.md").read_text(),
    )
    columns, present = (columns_of(json.loads(each.read_text())) for each in (recorded, file))
    assert (columns != present) == (f"`{name}`" in "".join(older)), columns ^ present


def columns_of(content: dict[str, Any]) -> set[str]:
    """The columns of a result without those that depend on its size."""
    sized = ("images with a ", "accuracy at ")
    return {column for column in content["rows"][0] if not column.startswith(sized)}


def test_another_seed_needs_another_folder(context: Callable[..., StudyContext]) -> None:
    study = find("background")
    run_study(study, "smoke", context("saliency"))
    with pytest.raises(RectGradError, match="seed was 0, is 1"):
        run_study(study, "smoke", replace(context("saliency"), seed=1))


class Other(Tiny):
    """The same names, and other images, masks and networks behind them."""

    def images(self, split: Split) -> LabelledImages:
        data = super().images(split)
        return replace(data, images=255 - data.images)

    def masked(self) -> MaskedImages:
        data = super().masked()
        return replace(data, images=255 - data.images)

    def networks(self, role: Role) -> tuple[Network, ...]:
        return tuple(replace(network, sha256="1" * 64) for network in super().networks(role))


@pytest.mark.parametrize(
    ("name", "role"), [("background", "images with masks"), ("total-variation", "test images")]
)
def test_a_run_on_other_material_is_not_taken_for_this_one(
    name: str, role: str, context: Callable[..., StudyContext]
) -> None:
    study, made = find(name), context("saliency")
    run_study(study, "smoke", made)
    changed = replace(made, study_data=Other(), used={})
    with pytest.raises(RectGradError, match="a run on other data or networks: ") as error:
        run_study(study, "smoke", changed)
    plain = f"network plain was 'tiny-plain, SHA-256 {'0' * 64}', is 'tiny-plain, SHA-256 1"
    assert plain in str(error.value)
    assert f"{role} was 'tiny shapes, SHA-256" in str(error.value)


def test_a_run_that_was_begun_before_says_so(context: Callable[..., StudyContext]) -> None:
    study, made = resized(find("total-variation"), images=2), context("smoothgrad", "random")
    run_study(study, "smoke", made)
    file = made.folder / "result.json"
    origin = json.loads(file.read_text())["provenance"]
    assert origin["resumed"] is False
    assert origin["engine"] == {"name": "local"}
    assert list(origin["methods"]) == ["smoothgrad"]
    assert origin["methods"]["smoothgrad"]["samples"] == 50
    file.unlink()  # as after a kill
    run_study(study, "smoke", context("smoothgrad", "random"))
    assert json.loads(file.read_text())["provenance"] == {**origin, "resumed": True, "minutes": ANY}


@dataclass(frozen=True)
class Lacking(Tiny):
    looked_for: list[str] = field(default_factory=list)

    def masked(self) -> MaskedImages:
        self.looked_for.append("masks")
        raise RectGradError("this study needs masks")

    def networks(self, role: Role) -> tuple[Network, ...]:
        if role == "noise":
            raise ZooError("no such checkpoint")
        return super().networks(role)


def test_the_report_is_written_if_every_study_lacks_its_data(
    context: Callable[..., StudyContext],
) -> None:
    made = replace(context("saliency"), study_data=Lacking())
    done, report = run_all([find("background")], "smoke", made)
    assert done is False
    assert "Not run: this study needs masks." in report.read_text()


def test_a_network_that_is_missing_is_reported_before_the_first_map(
    context: Callable[..., StudyContext],
) -> None:
    def run(*_: object) -> Result:
        raise AssertionError("the study began")

    made = replace(context("saliency"), study_data=Lacking())
    with pytest.raises(ZooError, match="no such checkpoint"):
        run_study(replace(find("occluded-saliency"), run=run), "smoke", made)
    assert not (made.folder / "result.json").exists()


def not_itself(*_: object) -> Tensor:
    raise MethodUnreliableError("unreliable here")


def test_all_studies_and_one_report(
    context: Callable[..., StudyContext], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    data = Lacking()
    chosen = [find(name) for name in ("total-variation", "background", "patch", "coherence")]
    made = replace(context("saliency", "rectgrad"), study_data=data)
    done, report = run_all(chosen, "smoke", made)
    # Missing data are looked for once, and reported before the first study.
    assert data.looked_for == ["masks"]
    missing, ran = caplog.messages[:2], caplog.messages[2]
    assert sorted(missing) == [
        "not run: background, coherence: this study needs masks",
        "not run: patch: no such checkpoint",
    ]
    assert ran.startswith("total-variation: ")
    text = report.read_text()
    assert done is False
    assert report == tmp_path / "out" / "report.md"
    assert "## background (figure 8, top)\n\nNot run: this study needs masks." in text
    assert "## patch (figure 7)\n\nNot run: no such checkpoint." in text
    assert text.index("This is a smoke run") < text.index("## total-variation")
    assert "[report](total-variation/report.md)" in text
    claims = json.loads((tmp_path / "out" / "total-variation" / "result.json").read_text())
    assert all(claim["text"] in text for claim in claims["claims"])


def test_a_method_that_is_not_available_stops_its_study_alone(
    context: Callable[..., StudyContext],
) -> None:
    made = context("guided-bp")
    broken = [replace(method, attribute=not_itself) for method in made.methods]
    chosen = [find(name) for name in ("total-variation", "roar-kar", "propagation-rules")]
    done, report = run_all(chosen, "smoke", replace(made, methods=broken))
    text = report.read_text()
    assert done is False
    assert "Not run: unreliable here." in text
    assert "Not run: this preset compares saliency, rectgrad, random: --methods has none" in text
    assert "[report](propagation-rules/report.md)" in text


def test_the_table_is_complete() -> None:
    names = [study.name for study in studies()]
    assert len(set(names)) == len(names)
    for study in studies():
        assert set(study.presets) == set(study.minutes)
        of_table_1 = {"roar-kar": {PAPER}}
        more = of_table_1.get(study.name, set())
        assert set(study.presets) - set(PRESETS) == more
    with pytest.raises(ValueError, match="'none' is not a study; choose from occluded-saliency"):
        find("none")
