"""`rectgrad export`: the file, its check and the refusals."""

import sys
from pathlib import Path

import pytest

from captum_rectgrad.cli.export import free_dimensions
from captum_rectgrad.cli.export_arguments import EXPORTED
from captum_rectgrad.cli.export_file import METHODS
from captum_rectgrad.cli.main import main
from captum_rectgrad.export.onnx_map import OnnxMap


@pytest.mark.usefixtures("unperturbed")  # it records operations
def test_exported_file_passes_its_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "map.onnx"
    assert main(["export", "cifar10_cnn", "--out", str(file), "--percentile", "95", "--check"]) == 0
    output = capsys.readouterr().out
    assert "any number of images" in output
    assert "maps: 40 of 40 within 1e-05" in output
    assert output.endswith("check passed\n")
    assert OnnxMap(file).metadata["settings"]["percentile"] == 95


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["cifar10_cn", "--out", "map.onnx"], "Unknown model 'cifar10_cn'"),
        (["cifar10_cnn", "--out", "map.pt"], "--out must end in .onnx"),
        (["cifar10_cnn", "--out", "absent/map.onnx"], "choose an existing folder"),
        (["cifar10_cnn", "--out", "map.onnx", "--percentile", "101"], "must be in [0, 100]"),
        (
            ["cifar10_cnn", "--out", "map.onnx", "--method", "saliency", "--percentile", "9"],
            "--percentile only applies to RectGrad",
        ),
        (["cifar10_cnn", "--out", "map.onnx", "--dynamic", "time"], "--dynamic: got 'time'"),
        (
            ["cifar10_cnn", "--out", "map.onnx", "--dynamic", "size"],
            "the model refuses images of 65 x 32 pixels",
        ),
    ],
)
def test_invalid_arguments_are_refused(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["export", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "map.onnx").exists()


def test_file_of_another_format_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "map.onnx"
    file.write_bytes(b"notes")
    assert main(["export", "cifar10_cnn", "--out", str(file)]) == 2
    assert "exists and is not a .onnx file" in capsys.readouterr().err
    assert file.read_bytes() == b"notes"


def test_check_without_onnxruntime_writes_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)  # importing it fails
    file = tmp_path / "map.onnx"
    assert main(["export", "cifar10_cnn", "--out", str(file), "--check"]) == 2
    assert "needs the package onnxruntime" in capsys.readouterr().err
    assert not file.exists()


def test_dimensions() -> None:
    assert free_dimensions(None) is None
    assert free_dimensions("none") == ()
    assert free_dimensions("batch, size") == ("batch", "size")


def test_methods_are_those_of_the_help() -> None:
    assert tuple(METHODS) == EXPORTED
