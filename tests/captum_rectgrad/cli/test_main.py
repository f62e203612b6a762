"""The command as a user types it."""

import argparse
import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from captum_rectgrad import __version__
from captum_rectgrad.cli import main as main_module
from captum_rectgrad.cli.main import main
from captum_rectgrad.cli.parser import BAD_REQUEST
from captum_rectgrad.evaluation.methods import methods

RECTGRAD = str(Path(sys.executable).with_name("rectgrad"))


@pytest.fixture
def picture(tmp_path: Path) -> str:
    path = tmp_path / "picture.png"
    Image.effect_noise((64, 48), 90).save(path)
    return str(path)


def test_one_figure_and_the_raw_maps(picture: str, tmp_path: Path) -> None:
    out, maps = tmp_path / "figure.png", tmp_path / "maps.npz"
    done = subprocess.run(
        [
            *(RECTGRAD, "explain", picture, "--model", "cifar10_cnn", "--target", "ship"),
            *("--percentile", "90", "--methods", "saliency,rectgrad", "--out", str(out)),
            *("--save-maps", str(maps)),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"wrote {out}\nwrote {maps}\n"
    with Image.open(out) as figure:
        assert figure.width > figure.height
        assert len(figure.convert("RGB").getcolors(1 << 20) or []) > 100
    with np.load(maps) as saved:
        assert str(saved["picture/target"]) == "ship"
        assert saved["picture/RectGrad"].shape == (3, 32, 32)


def test_rows_have_the_names_of_files(picture: str, tmp_path: Path) -> None:
    out = tmp_path / "figure.svg"
    arguments = ["--model", "cifar10_cnn", "--methods", "saliency", "--out", str(out)]
    assert main(["explain", picture, *arguments]) == 0
    assert "<!-- picture.png -->" in out.read_text()


def test_version_and_help() -> None:
    done = subprocess.run([RECTGRAD, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"rectgrad {__version__}\n"
    done = subprocess.run([RECTGRAD, "--help"], capture_output=True, text=True, check=True)
    assert "explain" in done.stdout
    assert "zoo" in done.stdout


def test_the_help_names_every_method(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["explain", "--help"])
    shown = " ".join(capsys.readouterr().out.replace("-\n", "-").split()).replace("- ", "-")
    assert ", ".join(method.key for method in methods()) in shown


def test_the_zoo_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["zoo", "list"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("name")
    assert "cifar10_cnn_occluded" in out
    assert max(map(len, out.splitlines())) <= 100
    assert "?" not in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no/such/file.jpg"], "cannot read 'no/such/file.jpg' as an image"),
        (["--model", "resnet18d.no_such_weights"], "resnet18d"),
        (["--model", "resnet18", "--weights", "no.safetensors"], "no.safetensors"),
        (["--target", "shipp"], "no class is called 'shipp'; nearest names: 'ship'"),
        (["--target", "10"], "classes 0 to 9"),
        (["--percentile", "101"], "[0, 100]"),
        (["--methods", "gradcam"], "'gradcam' is not a known method; choose from"),
        (["--methods", ""], "got no method; choose from"),
        (["--target", "3.0"], "the model has 10 classes, such as 'airplane' and 'truck'"),
        (["--save-maps", "maps.txt"], "must end in .npz"),
        (["--out", "no/such/folder/figure.png"], "cannot write 'no/such/folder/figure.png'"),
        (["--out", "figure.exe"], "must end in one of"),
        (["--save-maps", "no/such/maps.npz"], "cannot write"),
        (["--device", "quantum"], "quantum"),
    ],
)
def test_invalid_arguments_give_a_one_line_error(
    arguments: list[str],
    message: str,
    picture: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    images = [] if arguments[0].endswith("jpg") else [picture]
    model = [] if "--model" in arguments else ["--model", "cifar10_cnn"]
    assert main(["explain", *images, *model, *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("rectgrad: error: ")
    assert message in err
    assert err.count("\n") == 1
    assert not (tmp_path / "rectgrad.png").exists()


@pytest.mark.parametrize("out", ["", "{name}-map.png", "maps.png"])
def test_figures_beside_the_photos_of_a_folder_are_refused(
    out: str, picture: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(picture).parent
    Image.open(picture).save(folder / "photo.jpg")
    Path(picture).unlink()
    arguments = ["--model", "cifar10_cnn", "--out", str(folder / out)]
    assert main(["explain", str(folder), *arguments]) == 2
    assert "would explain its own figures; choose another folder" in capsys.readouterr().err
    assert [file.name for file in folder.iterdir()] == ["photo.jpg"]


@pytest.mark.parametrize("option", ["--target", "--model"])
def test_two_dashes_are_no_value(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["explain", f"{option}=--"])
    assert f"argument {option}: expected a value, got '--'" in capsys.readouterr().err


@pytest.mark.filterwarnings("default")
def test_warnings_are_said_plainly(
    picture: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--model", "cifar10_cnn", "--methods", "rectgrad", "--percentile", "100"]
    out = str(tmp_path / "figure.png")
    assert main(["explain", picture, *arguments, "--out", out]) == 0
    assert "rectgrad: warning: attribution of sample 0 is all zero" in capsys.readouterr().err


def test_images_of_one_name_are_told_apart(picture: str, tmp_path: Path) -> None:
    other = tmp_path / "other" / "picture.png"
    other.parent.mkdir()
    Image.open(picture).rotate(90).save(other)
    maps = tmp_path / "maps.npz"
    arguments = ["--model", "cifar10_cnn", "--methods", "saliency"]
    arguments += ["--out", str(tmp_path / "f.png"), "--save-maps", str(maps)]
    assert main(["explain", picture, str(other), *arguments]) == 0
    with np.load(maps) as saved:
        assert {f"{picture}/input", f"{other}/input"} <= set(saved)


@pytest.mark.filterwarnings("default")
def test_a_folder_with_a_damaged_photo_is_explained_without_it(
    picture: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.jpg").write_text("no image")
    out = tmp_path / "maps"
    arguments = ["--model", "cifar10_cnn", "--methods", "saliency", "--out", f"{out}/"]
    assert main(["explain", str(Path(picture).parent), *arguments]) == 0
    assert [file.name for file in out.iterdir()] == ["picture.png"]
    err = capsys.readouterr().err
    assert err.count("rectgrad: warning: skipped an image: ") == 1
    assert "text.jpg' as an image (the format is not known)" in err


def test_an_image_named_twice(picture: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", picture, picture, "--model", "cifar10_cnn"]) == 2
    assert "is given twice" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("rectgrad expl", {"explain "}),
        (
            "rectgrad explain --model cifar10_cnn_",
            {"cifar10_cnn_adversarial", "cifar10_cnn_occluded"},
        ),
        ("rectgrad explain --model cifar10_cnn_unt", {"cifar10_cnn_untrained "}),
        ("rectgrad reproduce pat", {"patch "}),
        ("rectgrad explain --model tf_efficientnet_lite0", {"tf_efficientnet_lite0 "}),
        ("rectgrad explain --methods saliency,rectgrad-", {"saliency,rectgrad-prr "}),
        ("rectgrad zoo ver", {"verify "}),
    ],
)
def test_completion_in_the_shell(line: str, expected: set[str], tmp_path: Path) -> None:
    answers = tmp_path / "answers"
    environment = {
        **os.environ,
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_IFS": "\n",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(answers),
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
    }
    subprocess.run([RECTGRAD], env=environment, capture_output=True, check=True)
    assert expected <= set(answers.read_text().split("\n"))


def test_deep_recursion_gives_a_one_line_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def endless(args: argparse.Namespace) -> int:
        return endless(args)

    parser = argparse.ArgumentParser()
    parser.set_defaults(run=endless)
    monkeypatch.setattr(main_module, "_parser", lambda: parser)
    assert main_module.main([]) == BAD_REQUEST
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("rectgrad: error: maximum recursion depth")


@pytest.mark.slow  # a process imports PyTorch to be cut off
def test_a_closed_pipe_is_not_an_error() -> None:
    code = "import sys; from captum_rectgrad.cli.main import main; sys.exit(main(['zoo', 'list']))"
    command = f"{shlex.quote(sys.executable)} -u -c {shlex.quote(code)} | head -n 1"
    ended = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)  # noqa: S602
    assert ended.stdout.startswith("name")
    assert ended.stderr == ""


def test_an_image_of_standard_input_is_not_overwritten(picture: str) -> None:
    before = Path(picture).read_bytes()
    command = [RECTGRAD, "explain", "-", "--model", "cifar10_cnn", "--out", picture]
    with Path(picture).open("rb") as opened:
        done = subprocess.run(command, stdin=opened, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "is an input and would be overwritten" in done.stderr
    assert Path(picture).read_bytes() == before
