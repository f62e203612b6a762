"""The worked examples of CONTRIBUTING.md: each is applied and does what it says."""

import importlib.util
import re
import shlex
import sys
import textwrap
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from captum_rectgrad import RectGrad
from captum_rectgrad._engine.activations import Choice
from captum_rectgrad.cli import main
from captum_rectgrad.methods import choose_methods
from captum_rectgrad.attr.base import ModifiedGradient
from captum_rectgrad.settings import Settings
from captum_rectgrad.studies.lab import Lab
from captum_rectgrad.studies.running import run_study
from rectgrad_zoo import registry
from rectgrad_zoo.checkpoint import load_folder
from tests.captum_rectgrad import test_rules
from tests.captum_rectgrad.studies.conftest import Tiny
from tests.captum_rectgrad.test_naive_twin import random_net
from tests.rectgrad_zoo.conftest import write_parquet

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def blocks(section: str, language: str) -> list[str]:
    """The code of one section, without the indentation of its list."""
    (text,) = re.findall(rf"^## {section}\n(.*?)(?=^## |\Z)", TEXT, re.DOTALL | re.MULTILINE)
    fenced = re.findall(rf"^( *)```{language}\n(.*?)^\1```", text, re.DOTALL | re.MULTILINE)
    return [textwrap.dedent(code) for _, code in fenced]


def run(code: str, **names: Any) -> dict[str, Any]:
    namespace = {"__name__": __name__, **names}
    exec(compile(code, "CONTRIBUTING.md", "exec"), namespace)  # noqa: S102
    return namespace


def applied(diff: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module that a diff makes of a file of the repository."""
    header, *hunks = re.split(r"^--- (.*)\n|^@@\n", diff, flags=re.MULTILINE)[1:]
    source = (ROOT / header).read_text(encoding="utf-8")
    for hunk in filter(None, hunks):
        lines = hunk.splitlines(keepends=True)
        before = "".join(line[1:] for line in lines if line[0] != "+")
        after = "".join(line[1:] for line in lines if line[0] != "-")
        assert source.count(before) == 1, before
        source = source.replace(before, after)
    file = folder / f"{Path(header).stem}_with_example.py"
    file.write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, file.stem, module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.filterwarnings("ignore:attribution of sample")
def test_a_new_rule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rules, naive = (applied(diff, tmp_path, monkeypatch) for diff in blocks("A new rule", "diff"))
    by_hand = run(
        blocks("A new rule", "python")[0],
        Selection=rules.Selection,
        ACTIVATION=test_rules.ACTIVATION,
        GRADIENT=test_rules.GRADIENT,
    )
    by_hand["test_pr5_by_hand"]()
    assert "PR5" in rules.RULES
    # The two agree on a network, as test_naive_twin.py asks of the others.
    layers, shape = random_net("mlp", seed=0)
    x = np.random.default_rng(0).normal(size=shape)
    settings = Settings(
        rules.Selection("PR5", percentile=60),
        Choice(),
        padding_trick=True,
        prr=False,
        final_threshold=False,
        multiply_by_inputs=True,
    )
    model = nn.Sequential(*(layer.module() for layer in layers))
    found = ModifiedGradient(model, settings).attribute(torch.from_numpy(x)[None], target=1)
    twins = [
        getattr(naive, type(layer).__name__)(*fields)
        for layer, fields in ((layer, _fields(layer)) for layer in layers)
    ]
    options = naive.Options(rule="PR5", percentile=60, final_threshold=False)
    np.testing.assert_allclose(found[0], naive.attribute(twins, x, 1, options), atol=1e-12)
    assert found.count_nonzero()


def _fields(layer: Any) -> tuple[Any, ...]:
    """What a layer was made of."""
    return tuple(getattr(layer, name) for name in type(layer).__dataclass_fields__)


def test_a_rule_that_is_no_score() -> None:
    few_units = run(blocks("A new rule", "python")[1])["FewUnits"]
    model = nn.Sequential(nn.ReLU(), nn.Linear(4, 1, bias=False))
    model[1].weight.data = test_rules.GRADIENT.double()
    activation = test_rules.ACTIVATION.double()
    # Scores 3, 20, -100, 0: the second, then the first; times the input.
    one, two = (few_units(model, count=count).attribute(activation, target=0) for count in (1, 2))
    assert one.tolist() == [[0, 20, 0, 0]]
    assert two.tolist() == [[3, 20, 0, 0]]
    # As many as the percentile leaves: the same as RectGrad, as no scores tie.
    conv = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.SiLU(), nn.Flatten(), nn.Linear(25, 1))
    conv.double()
    image = torch.rand(3, 1, 5, 5, dtype=torch.float64, generator=torch.manual_seed(0))
    expected = RectGrad(conv, percentile=75).attribute(image, target=0)
    torch.testing.assert_close(few_units(conv, count=6).attribute(image, target=0), expected)


@pytest.mark.filterwarnings("ignore:attribution of sample", "ignore:the maps of")
def test_a_new_study(tmp_path: Path) -> None:
    module, by_hand = blocks("A new study", "python")
    namespace = run(module)
    run(by_hand, torch=torch, edge_share=namespace["edge_share"])["test_edge_share_by_hand"]()
    methods = choose_methods(["saliency", "rectgrad", "random"])
    lab = Lab(material=Tiny(), methods=methods, folder=tmp_path / "edge", batch_size=7)
    report = run_study(namespace["STUDY"], "smoke", lab).read_text(encoding="utf-8")
    assert "Maps of RectGrad have less at the edge than those of all baselines" in report
    assert "share at the edge" in report


def test_a_new_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (recipe,) = blocks("A new checkpoint", "toml")
    for key, few in {"validation_size": 10, "epochs": 1}.items():  # the data are few, too
        recipe, found = re.subn(rf"(?m)^{key} = \d+", f"{key} = {few}", recipe)
        assert found == 1
    monkeypatch.chdir(tmp_path)
    Path("zoo/recipes").mkdir(parents=True)
    Path("zoo/recipes/cifar10_cnn_seed3.toml").write_text(recipe, encoding="utf-8")
    write_parquet(Path("DATA"), "train", count=50, seed=0)
    write_parquet(Path("DATA"), "test", count=30, seed=1)
    ran = 0
    for line in "".join(blocks("A new checkpoint", "shell")).splitlines():
        assert main(shlex.split(line)[1:]) == 0, line
        ran += 1
    assert ran == 4
    sha256 = re.findall(r"SHA-256 +([0-9a-f]{64})", capsys.readouterr().out)[0]
    (row_code,) = blocks("A new checkpoint", "python")
    row: registry.Checkpoint = eval(row_code, {"_own": registry._own, "sha256": sha256})  # noqa: S307
    folder = registry.local_folder(row, Path("zoo/hub"))
    assert folder is not None
    assert load_folder(folder, row.sha256)(torch.zeros(1, 3, 32, 32)).shape == (1, 10)
