"""`rectgrad reproduce`, as a user types it."""

import argparse
from pathlib import Path

import pytest
import torch

from captum_rectgrad.cli import reproduce_arguments, reproduce_run
from captum_rectgrad.cli.main import main
from captum_rectgrad.studies.compute.engines import Cluster
from captum_rectgrad.studies.framework.registry import studies


def test_the_list_names_every_study_and_what_it_shows(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", "--list"]) == 0
    out, err = capsys.readouterr()
    assert not err
    for study in studies():
        assert f"\n{study.name}: {study.shows}\n" in out
    assert max(map(len, out.splitlines())) <= 100
    assert "?" not in out


def machine(*words: str) -> tuple[torch.device, Cluster | None]:
    parser = argparse.ArgumentParser()
    reproduce_arguments.add_parser(parser.add_subparsers())
    return reproduce_run._machine(parser.parse_args(["reproduce", *words]))


def test_with_a_cluster_its_device_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = torch.device("cpu")
    assert machine() == (cpu, None)
    assert machine("--engine", "ray") == (cpu, Cluster())
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    asked = ("--engine", "ray", "--ray-address", "auto", "--device", "cuda:1")
    assert machine(*asked) == (cpu, Cluster("auto", torch.device("cuda")))
    with pytest.raises(ValueError, match="device 'abacus' is not available"):
        machine("--engine", "ray", "--device", "abacus")


@pytest.mark.parametrize(("done", "status"), [(True, 0), (False, 1)])
def test_all_exits_with_1_where_a_study_was_not_run(
    done: bool,
    status: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = tmp_path / "report.md"
    monkeypatch.setattr(reproduce_run, "run_all", lambda *_: (done, report))
    assert main(["reproduce", "all", "--out", str(tmp_path)]) == status
    assert capsys.readouterr().out == f"wrote {report}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "got no study; give a name or all"),
        (["no-such"], "'no-such' is not a study; choose from occluded-saliency"),
        (["patch", "--batch-size", "0"], "--batch-size must be at least 1, got 0"),
        (["patch", "--methods", "grad"], "'grad' is not a known method"),
        (["patch", "--device", "cuda:9"], "device 'cuda:9' is not available"),
        (["patch", "--checkpoint", "plain=x"], "only apply to CIFAR-10, not to shapes"),
        (["patch", "--data", ".", "--checkpoint", "best=x"], "must be ROLE=NAME with ROLE of"),
        (["patch", "--data", "."], "has neither"),
        (["pathc"], "'pathc' is not a study (did you mean patch?); choose from"),
        (["all", "--data", "no/cifar/data"], "--data: there is no folder 'no/cifar/data'"),
        (["all", "--data", ".", "--masks", "masks"], "--masks: there is no folder 'masks'"),
        (["patch", "--data", ".", "--checkpoint", "plain=cifar_cnn"], "Unknown model 'cifar_cnn'"),
        (
            ["nie-theory", "--data", ".", "--checkpoint", "plain=cifar10_cnn"],
            "nie-theory only uses random networks",
        ),
        (["patch", "layers"], "got 2 names, 'patch' and 'layers': give one study, or all"),
        (["nie-maps", "--methods", "saliency"], "nie-maps has fixed methods; remove --methods"),
        (
            [
                "roar-kar",
                "--data",
                ".",
                "--checkpoint",
                "plain=cifar10_cnn",
                "--checkpoint",
                "plain=cifar10_cnn_seed1",
            ],
            "roar-kar explains one network; give one --checkpoint for each role",
        ),
        (["patch", "--methods", ","], "got no method; choose from saliency"),
        (["patch", "--out", __file__], f"--out must be a folder, but {__file__} is a file"),
        (
            ["patch", "--out", f"{__file__}/a/b"],
            f"--out must be a folder, but {__file__} is a file",
        ),
        (
            ["patch", "--data", ".", "--checkpoint", "plain=cifar10_cnn"],
            "patch only uses the networks occluded, noise",
        ),
        (["background", "--data", "."], "give a folder with test-*.parquet"),
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
    assert main(["reproduce", *words]) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith("rectgrad: error: ")
    assert message in said
    assert "\n" not in said


def test_time_that_is_up_has_an_exit_status_and_leaves_a_pack(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, pack = tmp_path / "out", tmp_path / "cells.zip"
    command = ["reproduce", "roar-kar", "--preset", "smoke", "--out", str(out)]
    status = main([*command, "--minutes", "1e-9", "--pack", str(pack)])
    assert status == reproduce_run.NOT_FINISHED == 75
    assert "not finished: stopped before" in capsys.readouterr().out
    assert pack.exists()
    assert (out / "cells" / "config.json").exists()
    assert not (out / "result.json").exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["roar-kar", "--minutes", "0"], "--minutes must be more than 0"),
        (["roar-kar", "--minutes", "nan"], "--minutes must be more than 0"),
        (["patch", "--pack", "cells.zip"], "--pack only applies to roar-kar"),
        (["patch", "--only-finished"], "--only-finished only applies to roar-kar"),
        (["roar-kar", "--only-finished", "--minutes", "3"], "trains nothing; remove --minutes"),
        (["roar-kar", "--only-finished", "--engine", "ray"], "trains nothing; remove --engine"),
        (["all", "--precision", "float32"], "--precision only applies to roar-kar"),
        (["patch", "--preset", "paper"], "patch has no preset paper; choose from smoke"),
        (
            ["roar-kar", "--preset", "smoke", "--unpack", "none.zip"],
            "--unpack: there is no file 'none.zip'",
        ),
    ],
)
def test_bad_limits_presets_and_packs(
    more: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["reproduce", *more, "--out", "out"]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.json"))
