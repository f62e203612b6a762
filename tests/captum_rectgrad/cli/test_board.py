"""`rectgrad board`, as a user types it."""

import csv
import importlib
import json
import logging
import sys
import time
from pathlib import Path

import pytest

from captum_rectgrad.cli.main import main

NETWORK = """
import torch
from torch import nn
from torchvision.transforms import v2
from captum.attr import Attribution


def build():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 12)
    )
    nn.init.zeros_(model[-1].bias)
    resize = v2.Resize((32, 32))
    return model, v2.Compose([resize, v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])


class EdgeGradient(Attribution):
    def attribute(self, inputs, target=None):
        (gradient,) = torch.autograd.grad(
            self.forward_func(inputs).gather(1, target[:, None]).sum(), inputs
        )
        edges = (inputs - inputs.roll(1, dims=-1)).abs()
        return gradient * edges.detach()
"""


def test_own_method_and_network_have_a_row_on_the_board(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ownboard.py").write_text(NETWORK)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    words = ["board", "--preset", "smoke", "--model", "ownboard:build", "--out", "out"]
    words += ["--method", "ownboard:EdgeGradient", "--rows", "random,saliency,rectgrad"]
    words += ["--columns", "deletion,road-morf,f-fidelity-plus,sparseness,cost"]
    assert main(words) == 0
    assert capsys.readouterr().out == "wrote out/report.md\n"
    with (tmp_path / "out" / "board.csv").open() as file:
        rows = list(csv.DictReader(file))
    own = {row["column"]: row for row in rows if row["method"] == "ownboard.EdgeGradient"}
    assert float(own["cost"]["mean"]) == 1
    assert 1 <= float(own["deletion"]["rank"]) <= 4
    assert "no training images" in own["f-fidelity-plus"]["reason"]
    report = (tmp_path / "out" / "report.md").read_text()
    assert "| EdgeGradient |" in report
    assert "no conclusion should be drawn" in report
    assert (tmp_path / "out" / "board-ownboard-build.png").stat().st_size > 10_000


def test_the_list_names_networks_rows_and_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["board", "--list"]) == 0
    out = capsys.readouterr().out
    for name in ("shapes", "cifar10_cnn", "kernelshap", "f-fidelity-plus"):
        assert f"\n  {name}: " in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--rows", "salience"],
            "--rows: 'salience' is not a row (did you mean saliency or saliency-abs?)",
        ),
        (["--rows", ","], "--rows: got no row"),
        (["--columns", ","], "got no column; choose from gridpg"),
        (["--columns", "road"], "'road' is not a column; choose from gridpg"),
        (["--method", "saliency"], "--method must be MODULE:NAME, got 'saliency'"),
        (["--method", "nowhere:Method"], "no module named 'nowhere'"),
        (["--network", "cifar_cnn"], "is not a network of the board"),
        (["--network", "shapes", "--model", "resnet18"], "not both"),
        (["--model", "resnet18", "--masks", "m"], "--masks has the objects of CIFAR-10"),
        (["--network", "cifar10_cnn"], "cifar10_cnn needs --data"),
        (["--data", "photos"], "--data is for networks of CIFAR-10 or Fashion-MNIST"),
        (["--network", "tf_efficientnet_lite0", "--data", "photos"], "_lite0 would not use it"),
        (["--network", "fashion_mnist_cnn", "--masks", "m"], "which no chosen network sees"),
        (["--model", "resnet18", "--data", "none"], "--data: there is no folder 'none'"),
        (["--ray-address", "auto"], "--ray-address only applies to --engine ray"),
        (["--device", "abacus"], "device 'abacus' is not available"),
        (["--out", __file__], "--out must be a folder"),
    ],
)
def test_invalid_arguments_give_a_one_line_error(
    words: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["board", *words]) == 2
    said = capsys.readouterr().err.strip()
    assert message in said
    assert "\n" not in said
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_the_smoke_preset_has_fifteen_methods_and_ten_measures(tmp_path: Path) -> None:
    """In five minutes on two cores."""
    begun = time.monotonic()
    assert main(["board", "--preset", "smoke", "--out", str(tmp_path / "out")]) == 0
    assert time.monotonic() - begun < 300
    with (tmp_path / "out" / "board.csv").open() as file:
        found = {(row["method"], row["column"]) for row in csv.DictReader(file) if row["mean"]}
    assert len({method for method, _ in found}) >= 15
    assert len({column for _, column in found}) >= 10


def test_a_changed_method_is_measured_again_and_other_rows_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "ownnetwork.py").write_text(NETWORK)
    words = ["board", "--preset", "smoke", "--model", "ownnetwork:build", "--out", "out"]
    words += ["--method", "changing:EdgeGradient", "--rows", "saliency"]

    def run(code: str, columns: str) -> str:
        (tmp_path / "changing.py").write_text(code)
        importlib.invalidate_caches()
        sys.modules.pop("changing", None)
        caplog.clear()
        with caplog.at_level(logging.INFO):
            assert main([*words, "--columns", columns]) == 0
        return caplog.text

    cells = tmp_path / "out" / "cells" / "ownnetwork-build"
    own, other = cells / "changing.EdgeGradient", cells / "saliency" / "sparseness.json"
    assert "has changed" not in run(NETWORK, "sparseness,cost")
    before = json.loads((own / "sparseness.json").read_text())["values"], other.stat().st_mtime_ns
    assert "4 of 4 cells" in run(NETWORK, "sparseness,cost")
    changed = NETWORK.replace("return gradient * edges", "return gradient**3 * edges")
    said = run(changed, "sparseness")
    # Its other cell is of the earlier code too.
    assert said.count("the code of changing.EdgeGradient has changed: its 2 cells are removed") == 1
    assert [file.name for file in own.iterdir()] == ["sparseness.json"]
    assert json.loads((own / "sparseness.json").read_text())["values"] != before[0]
    assert other.stat().st_mtime_ns == before[1]
    assert "code" not in json.loads(other.read_text())
