"""A network of the user's own code, and names for its classes."""

import os
import re
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image

from captum_rectgrad.cli.explain import read_labels
from captum_rectgrad.cli.main import main

CODE = """
import rectgrad_zoo, torch
def network():
    return rectgrad_zoo.load("cifar10_cnn")
def torchvision():
    from torchvision.models import ResNet18_Weights, resnet18
    torch.manual_seed(0)
    return resnet18(), ResNet18_Weights.DEFAULT
def watched():
    model = rectgrad_zoo.load("cifar10_cnn")
    note = lambda *_: print("deterministic:", torch.are_deterministic_algorithms_enabled())
    model.register_forward_pre_hook(note)
    return model
def two():
    from torchvision.models import ResNet18_Weights
    class Two(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Conv2d(3, 2, 8)
        def forward(self, x):
            maps = self.layer(x).relu()
            return {"main": maps.mean((2, 3)), "maps": maps, "nested": [maps]}
    return Two(), ResNet18_Weights.DEFAULT
def grid():
    from torchvision.models import ResNet18_Weights
    return torch.nn.Conv2d(3, 2, 8), ResNet18_Weights.DEFAULT
def bare():
    return torch.nn.Linear(2, 2)
def number():
    return 3
def broken():
    raise KeyError("no weights here")
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path.copy())  # the command adds the working directory
    Image.effect_noise((64, 48), 90).save("cat.png")
    # Each test has its own module, since imported modules stay.
    (tmp_path / f"nets_{tmp_path.name}.py").write_text(CODE)
    Path("names.txt").write_text("".join(f"sort {number}\n" for number in range(10)))
    return tmp_path


def explain(folder: Path, function: str, *more: str) -> int:
    return main(["explain", "cat.png", "--model", f"nets_{folder.name}:{function}", *more])


def test_a_network_and_its_labels(folder: Path) -> None:
    more = ["--labels", "names.txt", "--target", "sort 3", "--save-maps", "maps.npz"]
    assert explain(folder, "network", "--out", "maps/", *more) == 0
    with np.load("maps.npz") as maps:
        assert str(maps["cat/target"]) == "sort 3"
    assert [file.name for file in Path("maps").iterdir()] == ["cat.png"]


def test_a_network_of_torchvision_over_the_photograph(folder: Path) -> None:
    more = ["--target", "tabby", "--save-maps", "maps.npz"]
    assert explain(folder, "torchvision", *more, "--out", "plain.png") == 0
    assert explain(folder, "torchvision", *more, "--out", "over.png", "--overlay") == 0
    with np.load("maps.npz") as maps:
        assert str(maps["cat/target"]) == "tabby"
        assert maps["cat/input"].shape == (224, 224, 3)
    plain, over = (np.asarray(Image.open(file)) for file in ("plain.png", "over.png"))
    assert plain.shape == over.shape
    third = plain.shape[1] // 3
    np.testing.assert_array_equal(plain[:, : third - 20], over[:, : third - 20])
    assert (plain[:, third + 20 :] != over[:, third + 20 :]).mean() > 0.5


@pytest.mark.parametrize("output", ["main", "0", "-3"])
def test_the_logits_are_chosen_by_key_or_index(folder: Path, output: str) -> None:
    Path("names.txt").write_text("one\ntwo\n")
    more = ["--labels", "names.txt", "--output", output, "--save-maps", "maps.npz"]
    assert explain(folder, "two", *more) == 0
    with np.load("maps.npz") as maps:
        assert str(maps["cat/predicted"]) in {"one", "two"}


def test_a_network_of_ones_own_is_checked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["check", "cat.png", "--model", f"nets_{folder.name}:two", "--output", "main"]
    arguments += ["--method", "saliency", "--steps", "1", "--repeats", "1", "--out", "checked"]
    assert main(arguments) == 3
    plan = capsys.readouterr().err
    assert "not checked: random labels; give a network that was trained on them" in plan
    assert "SHA-256" not in Path("checked/report.md").read_text()


def test_deterministic_is_for_the_maps_alone(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for more, expected in (((), "False"), (("--deterministic",), "True")):
        assert explain(folder, "watched", "--out", f"{expected}.png", *more) == 0
        seen = set(re.findall(r"deterministic: (\w+)", capsys.readouterr().out))
        assert seen == {expected}
        assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.parametrize(
    ("function", "names", "message"),
    [
        ("network", "one\ntwo\n", "the model has 10 classes; give --labels with one name per"),
        ("network", "one\n\nthree\n", "have no name in line 2"),
        ("network", "one\none\n", "have the name 'one' twice, in lines 1 and 2"),
        ("network", "", "is empty"),
        (
            "bare",
            None,
            "not known; let MODULE:FUNCTION return a pair (model, transform)",
        ),
        ("number", None, "returned a int, expected a torch.nn.Module"),
        ("broken", None, "raised KeyError: 'no weights here'"),
        ("missing", None, "has no attribute 'missing'"),
        ("two", None, "choose a tensor in it with --output, a key or an index. By default"),
        ("grid", None, "logits of shape (1, classes); choose them with --output, a key or an"),
    ],
)
def test_refusals(
    folder: Path,
    function: str,
    names: str | None,
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if names is not None:
        Path("names.txt").write_text(names)
    labels = [] if names is None else ["--labels", "names.txt"]
    assert explain(folder, function, *labels) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("rectgrad: error: ")
    assert message in line
    assert not Path("rectgrad.png").exists()


def test_many_labels_are_compared_in_linear_time(tmp_path: Path) -> None:
    names = [f"name {number}" for number in range(100_000)]
    (tmp_path / "names.txt").write_text("\n".join(names))
    begun = time.process_time()
    assert read_labels(tmp_path / "names.txt") == names
    assert time.process_time() - begun < 5
    (tmp_path / "names.txt").write_text("\n".join([*names, "name 7"]))
    with pytest.raises(ValueError, match="'name 7' twice, in lines 8 and 100001"):
        read_labels(tmp_path / "names.txt")


def test_errors_name_options(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain(folder, "two", "--output", "nested") == 2
    assert "--output 'nested' selects a list, expected a tensor" in capsys.readouterr().err
    pretrained = {name.split(".")[0] for name in timm.list_pretrained()} | {"cifar10_cnn"}
    untrained = next(name for name in timm.list_models() if name not in pretrained)
    assert main(["explain", "cat.png", "--model", untrained]) == 2
    assert "Pass a state dict with --weights FILE, or" in capsys.readouterr().err


def test_labels_come_from_a_file_of_bounded_size(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("sparse.txt").touch()
    os.truncate("sparse.txt", 10**12)
    os.mkfifo("pipe.txt")
    for name in ("sparse.txt", "pipe.txt", "/dev/zero", "."):
        assert explain(folder, "network", "--labels", name) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert "expected a regular file of at most" in line
