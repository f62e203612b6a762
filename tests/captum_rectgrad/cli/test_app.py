"""What `rectgrad app` refuses before it serves the page."""

import sys
from pathlib import Path

import pytest
import torch

from captum_rectgrad.cli.main import main

CODE = """
from rectgrad_zoo import load
def network():
    return load("cifar10_cnn")
def regression():
    from torch import nn
    return nn.Conv2d(3, 2, 3), lambda image: __import__("torch").zeros(3, 8, 8)
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path.copy())  # the command adds the working directory
    # Each test has its own module, since imported modules stay.
    name = f"nets_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(CODE)
    Path("two.txt").write_text("one\ntwo\n")
    torch.save({"weight": torch.zeros(2)}, "my.pth")
    return name


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--model my.pth", "such as resnet18, and --weights my.pth"),
        ("--model MODULE:network --weights my.pth", "my.pth"),
        ("--model MODULE:network --weights no.pth", "there is no file 'no.pth'"),
        ("--model MODULE:network --labels two.txt", "has 2 names, but the model has 10 classes"),
        ("--model MODULE:regression", "expected logits"),
        ("--model MODULE:missing", "has no attribute 'missing'"),
        ("--weights my.pth", "--weights is for a single model, got 3"),
        ("--model cifar10_cnn resnet18 --labels two.txt", "--labels is for a single model, got 2"),
        ("--host 192.0.2.1", "cannot listen on 192.0.2.1, port 7860"),  # no machine has it
    ],
)
def test_refusals(
    module: str, options: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["app", *options.replace("MODULE", module).split()]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("rectgrad: error: ")
    assert message in line
