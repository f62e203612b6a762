"""The worked examples of CONTRIBUTING.md: each is applied and does what it says."""

import re
import shlex
import textwrap
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from captum_rectgrad import RectGrad
from captum_rectgrad.cli.main import main
from captum_rectgrad.evaluation.methods import choose_methods
from captum_rectgrad.studies.framework.lab import Lab
from captum_rectgrad.studies.report.running import run_study
from rectgrad_zoo import registry
from rectgrad_zoo.checkpoint import load_folder
from tests.captum_rectgrad.studies.conftest import Tiny
from tests.rectgrad_zoo.conftest import write_parquet

ROOT = Path(__file__).resolve().parents[2]
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


def test_a_new_rule() -> None:
    rule_code, test_code = blocks("A new rule", "python")
    namespace = run(rule_code)
    largest_units = namespace["LargestUnits"]
    run(test_code, torch=torch, LargestUnits=largest_units)["test_largest_units_by_hand"]()
    # As many as the percentile leaves: the same as RectGrad, as no scores tie.
    conv = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.SiLU(), nn.Flatten(), nn.Linear(25, 1))
    conv.double()
    image = torch.rand(3, 1, 5, 5, dtype=torch.float64, generator=torch.manual_seed(0))
    expected = RectGrad(conv, percentile=75).attribute(image, target=0)
    found = RectGrad(conv, rule=largest_units(6)).attribute(image, target=0)
    assert expected.any()
    torch.testing.assert_close(found, expected)


@pytest.mark.filterwarnings("ignore:attribution of sample")
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
