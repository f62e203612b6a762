"""Boards in their folders: interrupted, refused, and with methods that are broken."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from captum_rectgrad.errors import RectGradError
from captum_rectgrad.evaluation.methods import Method
from captum_rectgrad.studies.board import run_board as module
from captum_rectgrad.studies.board.cells import Cell
from captum_rectgrad.studies.board.columns import choose_columns
from captum_rectgrad.studies.board.measure import RowTask, measure_row
from captum_rectgrad.studies.board.networks import BoardGroup, BoardNetwork, TrainingImages
from captum_rectgrad.studies.board.run_board import Board, run_board
from captum_rectgrad.studies.compute.engines import Cluster
from tests.support.board import Linear, method, network, own
from tests.support.nodes import NODE, RAY

COLUMNS = ("difull", "object", "road-morf", "random-logit", "sparseness", "cost")
METHODS = (method("random"), method("saliency"), method("gradient-input"))
GENERATOR = torch.Generator().manual_seed(0)
INPUTS = torch.rand(12, 3, 8, 8, generator=GENERATOR)
WEIGHTS = torch.randn(5, 64, generator=GENERATOR) / 4


def group() -> BoardGroup:
    made = network(Linear(WEIGHTS).eval(), INPUTS)
    return BoardGroup("tiny", "random images", (made,))


def rows(_: BoardNetwork) -> Sequence[Method]:
    return METHODS


def choose(keys: Sequence[str], _: BoardNetwork) -> Sequence[Method]:
    return [method for method in METHODS if method.key in keys]


def board(**more: Any) -> Board:
    given = {"groups": [group()], "rows": rows, "columns": choose_columns(COLUMNS)}
    return Board(**{**given, "preset": "smoke", **more})


def values(folder: Path) -> Any:
    return json.loads((folder / "board.json").read_text())["rows"]


def test_a_killed_board_continues_to_the_same_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    report = run_board(board(), whole)
    assert report.read_text().startswith("# The board, preset `smoke`")
    measured = []

    def dies(task: RowTask, device: torch.device) -> Iterator[Cell]:
        for number, cell in enumerate(measure_row(task, device)):
            if task.method.key == "saliency" and number == 2:
                raise KeyboardInterrupt
            measured.append(cell)
            yield cell

    with monkeypatch.context() as patched:
        patched.setattr(module, "measure_row", dies)
        with pytest.raises(KeyboardInterrupt):
            run_board(board(), killed)
    assert len(measured) == len(COLUMNS) + 2
    assert not (killed / "board.json").exists()
    # A damaged file is measured again, and a finished one is not.
    cell = killed / "cells" / "tiny" / "random" / "cost.json"
    cell.write_text(cell.read_text()[:20])
    other = killed / "cells" / "tiny" / "random" / "sparseness.json"
    before = other.stat().st_mtime_ns
    run_board(board(), killed)
    assert other.stat().st_mtime_ns == before
    assert (killed / "board.csv").read_bytes() == (whole / "board.csv").read_bytes()
    assert values(killed) == values(whole)


def test_rows_and_columns_can_be_added_to_a_folder(tmp_path: Path) -> None:
    run_board(board(columns=choose_columns(["cost"])), tmp_path / "out")
    run_board(board(), tmp_path / "out")
    run_board(board(), tmp_path / "once")
    assert values(tmp_path / "out") == values(tmp_path / "once")


def test_the_table_has_the_cells_of_all_commands_in_the_folder(tmp_path: Path) -> None:
    """Rows, columns and networks of earlier commands stay, as if one command had made them."""
    saliency = partial(choose, ["saliency"])
    (one,) = group().networks
    second = BoardGroup(
        "other", "more", (replace(one, name="two", inputs=one.inputs + 1),), "A note."
    )
    cost, sparseness = choose_columns(["cost"]), choose_columns(["sparseness"])
    folder = tmp_path / "out"
    run_board(board(columns=sparseness, rows=saliency), folder)
    run_board(board(groups=[second], columns=[*sparseness, *cost]), folder)
    report = run_board(board(columns=cost, rows=partial(choose, ["random"])), folder).read_text()
    rows = {(row["networks"], row["column"], row["method"]): row for row in values(folder)}
    keys = list(dict.fromkeys((row["networks"], row["method"]) for row in values(folder)))
    assert keys == [("other", m.key) for m in METHODS] + [("tiny", "random"), ("tiny", "saliency")]
    missing = {key for key, row in rows.items() if row["reason"]}
    assert missing == {("tiny", "sparseness", "random"), ("tiny", "cost", "saliency")}
    assert {rows[key]["reason"] for key in missing} == {"not measured"}
    assert "| Random | not measured |" in report
    assert "Networks: two. Data: more, 12 images. A note." in report
    assert (folder / "board-other.png").exists()
    run_board(
        board(columns=[*sparseness, *cost], rows=partial(choose, ["random", "saliency"])), folder
    )
    once = board(groups=[group(), second], columns=[*sparseness, *cost])
    run_board(board(columns=cost), folder)
    run_board(board(columns=sparseness), folder)
    run_board(once, tmp_path / "once")
    for name in ("board.csv", "board-tiny.png", "board-other.png", "report.md"):
        assert (folder / name).read_bytes() == (tmp_path / "once" / name).read_bytes()


def test_a_damaged_file_of_a_network_is_named_and_written_again(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    run_board(board(), folder)
    file = folder / "cells" / "tiny" / "network.json"
    before = file.read_text()
    file.write_text("{")
    (one,) = group().networks
    second = BoardGroup("other", "more", (replace(one, name="two"),))
    with pytest.raises(RectGradError, match=r"network.json is missing or damaged"):
        run_board(board(groups=[second], columns=choose_columns(["cost"])), folder)
    run_board(board(), folder)
    assert file.read_text() == before


def test_a_finished_board_computes_nothing(tmp_path: Path) -> None:
    folder, calls = tmp_path / "out", list[int]()

    def counted(_: nn.Module, x: Tensor, __: Tensor) -> Tensor:
        calls.append(len(x))
        return x.detach()

    def chosen(_: BoardNetwork) -> Sequence[Method]:
        return [own(counted)]

    # The network has no masks for the column "object".
    run_board(board(rows=chosen), folder)
    table, count = (folder / "board.csv").read_bytes(), len(calls)
    run_board(board(rows=chosen), folder)
    assert len(calls) == count > 0
    assert (folder / "board.csv").read_bytes() == table


def test_cells_of_other_weights_are_refused_without_a_given_hash(tmp_path: Path) -> None:
    (one,) = group().networks
    folder, code = tmp_path / "out", replace(one, sha256="")
    run_board(board(groups=[BoardGroup("tiny", "images", (code,))]), folder)
    run_board(board(groups=[BoardGroup("tiny", "images", (code,))]), folder)
    changed = replace(code, model=Linear(2 * WEIGHTS).eval())
    assert torch.equal(changed.model(INPUTS).argmax(dim=1), one.targets)
    with pytest.raises(RectGradError, match="of another network"):
        run_board(board(groups=[BoardGroup("tiny", "images", (changed,))]), folder)


def test_another_board_in_the_folder_is_refused_with_the_difference(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    run_board(board(), folder)
    with pytest.raises(RectGradError, match="seed was 0, is 1"):
        run_board(board(seed=1), folder)
    with pytest.raises(RectGradError, match="images was 12, is 100"):
        run_board(board(preset="quick"), folder)
    (one,) = group().networks
    changed = BoardGroup("tiny", "", (replace(one, sha256="1" * 64),))
    with pytest.raises(RectGradError, match="another network or other images: weights was"):
        run_board(board(groups=[changed]), folder)
    moved = BoardGroup("tiny", "", (replace(one, inputs=one.inputs + 1),))
    with pytest.raises(RectGradError, match="another network or other images: images was"):
        run_board(board(groups=[moved]), folder)


def shape(_: nn.Module, x: Tensor, __: Tensor) -> Tensor:
    return x[:, :1]


def nan(_: nn.Module, x: Tensor, __: Tensor) -> Tensor:
    return x.where(x > x.mean(), torch.nan)


def constant(_: nn.Module, x: Tensor, __: Tensor) -> Tensor:
    return torch.ones_like(x)


def raising(_: nn.Module, __: Tensor, ___: Tensor) -> Tensor:
    raise KeyError("no such\nlayer")


def nothing(_: nn.Module, __: Tensor, ___: Tensor) -> Any:
    return None


BROKEN = {
    "shape": (shape, "it returned maps of shape (12, 1, 8, 8) for images of (12, 3, 8, 8)"),
    "nan": (nan, "12 of 12 maps have NaN or infinite values"),
    "constant": (constant, "all 12 maps are constant: they rank no pixels"),
    "raising": (raising, "it raised KeyError: 'no such\\nlayer'"),
    "nothing": (nothing, "it raised TypeError: nothing returned a NoneType, expected one tensor"),
}


def broken_rows(_: BoardNetwork) -> Sequence[Method]:
    return (*METHODS, *(own(attribute, key) for key, (attribute, _) in BROKEN.items()))


def test_broken_methods_are_shown_with_their_reason(tmp_path: Path) -> None:
    report = run_board(board(rows=broken_rows), tmp_path / "out").read_text()
    found = {(row["method"], row["column"]): row for row in values(tmp_path / "out")}
    for key, (_, reason) in BROKEN.items():
        row = found[key, "road-morf"]
        assert reason in row["reason"]
        assert row["mean"] is row["rank"] is None
        assert reason in report
    assert found["saliency", "road-morf"]["mean"] is not None
    # The data have no masks.
    assert found["saliency", "object"]["reason"] == "the data have no masks of objects"


def test_a_corrected_method_is_measured_again(tmp_path: Path) -> None:
    def first(_: BoardNetwork) -> Sequence[Method]:
        return (own(raising, "mine"),)

    def corrected(_: BoardNetwork) -> Sequence[Method]:
        return (own(lambda _, x, __: x.detach(), "mine"),)

    columns = choose_columns(["sparseness"])
    run_board(board(rows=first, columns=columns), tmp_path / "out")
    assert values(tmp_path / "out")[0]["mean"] is None
    run_board(board(rows=corrected, columns=columns), tmp_path / "out")
    assert values(tmp_path / "out")[0]["mean"] > 0


@RAY[0]
@RAY[1]
def test_a_ray_cluster_gives_the_same_table(tmp_path: Path) -> None:
    ray = pytest.importorskip("ray")
    columns = choose_columns([*COLUMNS, "f-fidelity-plus"])
    pixels = torch.randint(0, 256, (64, 3, 8, 8), dtype=torch.uint8, generator=GENERATOR)
    training = TrainingImages(pixels, torch.zeros(64, dtype=torch.int64), Tensor.float)
    (one,) = group().networks
    made = [BoardGroup("tiny", "random images", (replace(one, training=training),))]
    run_board(board(groups=made, columns=columns), tmp_path / "here")
    ray.init(**NODE, include_dashboard=False, log_to_driver=False)
    try:
        again = board(groups=made, columns=columns, cluster=Cluster())
        run_board(again, tmp_path / "there")
    finally:
        ray.shutdown()
    found = values(tmp_path / "there")
    assert found == values(tmp_path / "here")
    assert {row["reason"] for row in found if row["column"] == "f-fidelity-plus"} == {""}
