"""A run that was cut short goes on to the same table."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from captum_rectgrad.cli.main import main
from captum_rectgrad.errors import RectGradError
from captum_rectgrad.evaluation.methods import choose_methods
from captum_rectgrad.studies.compute.engines import Cluster
from captum_rectgrad.studies.compute.masking import mean_colour
from captum_rectgrad.studies.compute.precision import precision_of
from captum_rectgrad.studies.compute.time_limit import TimeLimit, TimeUpError
from captum_rectgrad.studies.data.study_data import Network
from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.framework.registry import find
from captum_rectgrad.studies.framework.result import Row
from captum_rectgrad.studies.options import Role
from captum_rectgrad.studies.report.run_studies import recorded_config, run_study
from captum_rectgrad.studies.roar_kar import study
from captum_rectgrad.studies.roar_kar.cell_inputs import CellInputs
from captum_rectgrad.studies.roar_kar.cell_pack import pack_cells
from captum_rectgrad.studies.roar_kar.cells import Cell
from captum_rectgrad.studies.roar_kar.config import RoarKarConfig
from captum_rectgrad.studies.roar_kar.curves import Ranking, table_cells
from captum_rectgrad.studies.roar_kar.engines import STACK, engine_of, local
from captum_rectgrad.studies.roar_kar.study import STUDY, chance, roar_kar
from captum_rectgrad.studies.roar_kar.training import Answers
from rectgrad_zoo.training.recipes import BEST_VALIDATION
from rectgrad_zoo.training.train import split_training
from rectgrad_zoo.written_whole import write_text
from tests.captum_rectgrad.studies.conftest import Tiny

ROOT = Path(__file__).parents[4]
CONFIG = RoarKarConfig(
    fractions=(0.5,), networks=2, epochs=1, forms=("signed", "absolute"), of_methods=("saliency",)
)
CELLS = 2 + 2 * (2 * 2 + 1 + 2)  # whole; two forms of ROAR and KAR twice, mask, ROAD both ways


def table(made: StudyContext, config: RoarKarConfig = CONFIG) -> list[Row]:
    return list(roar_kar(config, made).rows)


def cells(folder: Path) -> dict[str, str]:
    files = sorted((folder / "cells").glob("*-*.json"))
    return {file.name: file.read_text() for file in files}


@dataclass(frozen=True)
class Run:
    """A run that was not interrupted."""

    folder: Path
    rows: list[Row]
    cells: dict[str, str]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("whole")
    rows = run(folder)
    return Run(folder, rows, cells(folder))


@pytest.mark.bitwise("a cell that is made again is the same")
def test_deleted_and_damaged_cells_come_back_the_same(
    whole: Run, context: Callable[..., StudyContext], caplog: pytest.LogCaptureFixture
) -> None:
    made, before = context("saliency"), whole.cells
    shutil.copytree(whole.folder, made.folder)
    assert len(before) == CELLS
    names = list(before)
    for name in names[::3]:
        (made.folder / "cells" / name).unlink()
    (made.folder / "cells" / names[1]).write_text("{")
    (made.folder / "ranks" / "saliency-absolute-train.npy").unlink()
    assert table(made) == whole.rows
    assert cells(made.folder) == before
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert names[1] in caplog.text


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_to_the_same_table(
    whole: Run, context: Callable[..., StudyContext]
) -> None:
    killed = context("saliency", folder="killed")
    code = (
        "import sys, pathlib; from tests.captum_rectgrad.studies.roar_kar import test_study; "
        "test_study.run(pathlib.Path(sys.argv[1]))"
    )
    command = [sys.executable, "-c", code, str(killed.folder)]
    with subprocess.Popen(command, cwd=ROOT, env=environment()) as process:
        try:
            deadline = time.monotonic() + 300
            while len(cells(killed.folder)) < 3:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
        finally:
            process.send_signal(signal.SIGKILL)
    assert 3 <= len(cells(killed.folder)) < CELLS
    assert table(killed) == whole.rows
    assert cells(killed.folder) == whole.cells
    ranks = "saliency-signed-train.npy"
    found = [np.load(folder / "ranks" / ranks) for folder in (killed.folder, whole.folder)]
    assert (found[0] == found[1]).all()


def environment() -> dict[str, str]:
    """That of this process, with what it imports from."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def run(folder: Path) -> list[Row]:
    """The run that is killed, and the one that is not."""
    methods = choose_methods(("saliency",))
    return table(StudyContext(study_data=Tiny(), methods=methods, folder=folder, batch_size=7))


class Other(Tiny):
    def networks(self, role: Role) -> tuple[Network, ...]:
        return tuple(replace(network, sha256="1" * 64) for network in super().networks(role))


def test_cells_of_another_network_or_other_images_are_refused(
    whole: Run, context: Callable[..., StudyContext]
) -> None:
    made = replace(context("saliency"), folder=whole.folder)
    with pytest.raises(RectGradError, match=r"network plain was .* 0{64}', is .* 1{64}'"):
        table(replace(made, study_data=Other(), used={}))
    with pytest.raises(RectGradError, match="number of training images was 20, is 10"):
        table(replace(made, used={}), replace(CONFIG, train_images=10))


def test_cells_of_another_number_of_threads_are_refused(
    whole: Run, context: Callable[..., StudyContext]
) -> None:
    """As they would be where a local run goes on on a cluster, or the other way round."""
    made, before = replace(context("saliency"), folder=whole.folder), torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        assert made.worker_threads == 2
        assert replace(made, cluster=Cluster()).worker_threads == 1
        with pytest.raises(RectGradError, match=f"threads of a training was {before}, is 2"):
            table(made)
    finally:
        torch.set_num_threads(before)


def test_methods_that_the_preset_does_not_have(context: Callable[..., StudyContext]) -> None:
    with pytest.raises(RectGradError, match="this preset compares saliency: --methods has none"):
        table(context("deeplift"))


def test_chance_is_the_most_frequent_class_of_the_training_images() -> None:
    train, test = torch.tensor([2, 0, 2, 1]), torch.tensor([0, 0, 0, 2])
    assert chance(train, test) == 0.25


def test_the_colour_of_removed_pixels_is_the_mean_of_the_training_images(
    context: Callable[..., StudyContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[CellInputs] = []

    def answer_nothing(
        cells: Sequence[Cell], work: CellInputs, *_: object
    ) -> Iterator[tuple[Cell, Answers]]:
        given.append(work)
        yield from ((cell, np.zeros(len(work.test), dtype=bool)) for cell in cells)

    monkeypatch.setattr(study, "engine_of", lambda _: answer_nothing)
    table(context("saliency"))
    train, test = (mean_colour(Tiny().images(split).images) for split in ("train", "test"))
    assert not torch.equal(train, test)
    assert torch.equal(given[0].colour, train)


def test_without_ray_its_engine_says_what_to_install(
    context: Callable[..., StudyContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)  # as if it were not installed
    asked = replace(context("saliency"), cluster=Cluster())
    with pytest.raises(RectGradError, match=r"pip install 'captum-rectgrad\[cluster\]'"):
        run_study(find("patch"), "smoke", asked)
    with pytest.raises(RectGradError, match=r"pip install 'captum-rectgrad\[cluster\]'"):
        engine_of(asked)


def test_networks_are_trained_one_at_a_time_but_on_a_gpu(
    context: Callable[..., StudyContext],
) -> None:
    def stack(made: StudyContext) -> object:
        engine = engine_of(made)
        assert isinstance(engine, partial)
        assert engine.func is local
        return engine.keywords["stack"]

    made = context("saliency")
    assert stack(made) == 1
    assert stack(replace(made, device=torch.device("cuda"))) == STACK > 1
    assert stack(replace(made, device=torch.device("cuda"), stack=3)) == 3


@pytest.mark.bitwise("a stack takes the steps of one network for each of its own")
def test_stacked_networks_make_the_same_table(
    whole: Run, context: Callable[..., StudyContext]
) -> None:
    stacked = replace(context("saliency"), stack=5)
    assert table(stacked) == whole.rows
    assert cells(stacked.folder) == whole.cells


def test_a_stack_is_at_least_one_network_of_this_process(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["reproduce", "roar-kar", "--stack", "0"]) == 2
    assert "--stack must be at least 1, got 0" in capsys.readouterr().err
    assert main(["reproduce", "roar-kar", "--stack", "2", "--engine", "ray"]) == 2
    assert "--stack only applies to --engine local" in capsys.readouterr().err


def test_the_address_of_a_cluster_needs_its_engine(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", "roar-kar", "--ray-address", "auto"]) == 2
    assert "--ray-address only applies to --engine ray" in capsys.readouterr().err


class FewSteps(TimeLimit):
    """A limit after a number of checks, which no clock decides."""

    left = 12

    def check(self, needed: float = 0) -> None:
        del needed
        self.left -= 1
        if self.left < 0:
            raise TimeUpError("stopped")


@pytest.mark.bitwise("a cell that is made again is the same")
def test_table_made_in_two_visits_is_that_of_one(
    context: Callable[..., StudyContext], tmp_path: Path
) -> None:
    expected = table(context("saliency", folder="whole"))
    pack = tmp_path / "cells.zip"
    first = replace(context("saliency", folder="first"), pack=pack, time_limit=FewSteps())
    with pytest.raises(TimeUpError):
        table(first)
    done = set(tmp_path.rglob("first/cells/[!.]*-*.json"))
    assert 0 < len(done) < len(set(tmp_path.rglob("whole/cells/[!.]*-*.json")))
    second = replace(context("saliency", folder="second"), unpack=pack)
    assert table(second) == expected
    other = replace(context("saliency", folder="other"), unpack=pack, seed=1)
    with pytest.raises(RectGradError, match="seed was 0, is 1"):
        table(other)
    assert not list(tmp_path.rglob("other/cells/*"))


def test_held_out_images_are_those_that_the_network_has_not_seen(
    context: Callable[..., StudyContext],
) -> None:
    made = context("saliency", "rectgrad")
    config = replace(CONFIG, held_out=True, forms=("signed",), of_methods=None, road=False)
    result = roar_kar(config, made)
    assert "10 training and 20 test images." in result.notes[0]
    assert "has not been trained on any of these images" in result.notes[1]
    assert all("network that has not seen the images" in claim.source for claim in result.claims)
    network = made.network("held_out")
    assert network.recipe is not None
    seen, _ = split_training(made.images("train"), network.recipe)
    found = study._training_images(replace(config, train_images=7), made, network)
    assert len(found) == 7
    seen_pixels = {image.numpy().tobytes() for image in seen.images}
    assert not seen_pixels & {image.numpy().tobytes() for image in found.images}
    recipe = replace(network.recipe, data=replace(network.recipe.data, validation_size=0))
    with pytest.raises(RectGradError, match="trained on all images, or its epoch was chosen by"):
        study._training_images(config, made, replace(network, recipe=recipe))
    best_epoch = replace(network.recipe.training, keep=BEST_VALIDATION)
    recipe = replace(network.recipe, training=best_epoch)
    with pytest.raises(RectGradError, match="its epoch was chosen by the others"):
        study._training_images(config, made, replace(network, recipe=recipe))


def test_preset_of_the_papers_table_has_neither_masks_nor_road(
    context: Callable[..., StudyContext],
) -> None:
    config = replace(CONFIG, mask_networks=0, road=False, forms=("signed",), of_methods=None)
    paper = STUDY.presets["paper"]
    assert (paper.mask_networks, paper.road, paper.forms) == (0, False, ("signed",))
    result = roar_kar(config, context("saliency", "rectgrad", "random"))
    assert {row["measure"] for row in result.rows} == {"ROAR (AUC)", "KAR (AOC)"}
    assert all(row["mask alone, over chance"] is None for row in result.rows)
    assert not any("ROAD" in text for text in result.notes)
    assert len(result.figure.axes) == 2


def test_the_table_of_what_is_finished(
    whole: Run, context: Callable[..., StudyContext], tmp_path: Path
) -> None:
    """On a machine with another precision and batch size, nothing is computed."""
    pack = tmp_path / "cells.zip"
    pack_cells(whole.folder / "cells", pack)
    made = replace(context("saliency"), only_finished=True, batch_size=5)
    computed = precision_of(torch.device("cpu"))
    made = replace(made, precision="float32" if computed == "bfloat16" else "bfloat16")
    with pytest.raises(RectGradError, match="has no cells; give the folder of a run, or --unpack"):
        roar_kar(CONFIG, made)
    assert not (made.folder / "cells").exists()
    made = replace(made, unpack=pack)
    result = roar_kar(CONFIG, made)
    assert list(result.rows) == whole.rows
    assert "Networks per cell: 2 (masks alone: 1)" in result.notes[0]
    assert f"in {computed};" in result.notes[0]
    assert "left out" not in result.notes[1]
    assert not (made.folder / "ranks").exists()
    (made.folder / "cells" / "kar-saliency-absolute-0.5-1.json").unlink()
    made = replace(made, unpack=None)
    fewer = roar_kar(CONFIG, made)
    assert "Networks per cell: 1 (masks alone: 1)" in fewer.notes[0]
    assert fewer.notes[1] == "1 of 2 networks per cell are finished. The others are left out."
    assert list(fewer.rows) != whole.rows
    with pytest.raises(RectGradError, match="epochs was 1, is 2"):
        roar_kar(replace(CONFIG, epochs=2), made)
    (made.folder / "cells" / "kar-saliency-absolute-0.5-0.json").unlink()
    with pytest.raises(RectGradError, match=r"has 14 of 16 cells, expected at least one network"):
        roar_kar(CONFIG, made)


@pytest.mark.bitwise("a cell that is made again is the same")
def test_a_table_of_what_is_finished_does_not_end_the_run(
    whole: Run, context: Callable[..., StudyContext]
) -> None:
    made = context("saliency")
    shutil.copytree(whole.folder / "cells", made.folder / "cells")
    (made.folder / "cells" / "kar-saliency-absolute-0.5-1.json").unlink()
    small = replace(STUDY, presets={"smoke": CONFIG})

    def cell_files() -> int:
        return len(list((made.folder / "cells").glob("*-*.json")))

    write_text(made.folder / "config.json", json.dumps(recorded_config(small, "smoke", made)))
    run_study(small, "smoke", replace(made, only_finished=True, used={}))
    before = (made.folder / "result.json").read_text()
    assert cell_files() == CELLS - 1
    run_study(small, "smoke", replace(made, only_finished=True, used={}))
    assert (made.folder / "result.json").read_text() == before  # already done
    run_study(small, "smoke", replace(made, used={}))
    assert cell_files() == CELLS
    assert "left out" not in (made.folder / "report.md").read_text()


def test_one_network_of_each_cell_is_first() -> None:
    rankings = [Ranking(method, "signed") for method in choose_methods(("saliency", "random"))]
    numbers = [cell.network for cell in table_cells(CONFIG, rankings)]
    assert numbers == sorted(numbers)
    assert numbers.count(1) == 1 + 2 * 2  # whole; ROAR and KAR of two methods
