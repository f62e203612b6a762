"""What an import, `--help` and a completion import themselves. Seconds: `benchmarks.startup`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import rectgrad_zoo
from captum_rectgrad import method_keys, model_names
from captum_rectgrad.methods import methods
from captum_rectgrad.studies.registry import MODULES, find

HEAVY = {"torch", "captum", "timm", "torchvision", "matplotlib", "datasets", "ray", "scipy"}
COMMAND = "import sys; from captum_rectgrad.cli import main; sys.exit(main())"


def account(code: str, *arguments: str, **environment: str) -> str:
    """What a fresh process says on stderr: its own account of the modules that it imports."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stderr


def modules_in(said: str) -> set[str]:
    lines = [line for line in said.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip() for line in lines}


def imported(code: str, *arguments: str, **environment: str) -> set[str]:
    """Every module that a fresh process imports."""
    return modules_in(account(code, *arguments, **environment))


def imported_by_each(*statements: str) -> list[set[str]]:
    """What one fresh process imports for each statement in turn, beside what it has already."""
    code = "; sys.stderr.write('next\\n'); ".join(("import sys", *statements))
    return [modules_in(said) for said in account(code).split("\nnext\n")[1:]]


def packages(modules: set[str]) -> set[str]:
    return {module.partition(".")[0] for module in modules}


def test_the_methods_import_nothing_that_captum_does_not_and_the_studies_no_ray() -> None:
    captum, methods, studies = imported_by_each(
        "import captum.attr",
        "from captum_rectgrad import *",
        "import captum_rectgrad.studies.cli",
    )
    assert {"torch", "captum", "matplotlib"} <= packages(captum)  # the account sees what is heavy
    assert packages(methods - captum) == {"captum_rectgrad"}
    assert not packages(captum | methods) & {"timm", "datasets", "ray"}
    assert "captum_rectgrad.studies.cli" in studies
    assert "ray" not in packages(studies)


def test_the_package_alone_imports_nothing_heavy() -> None:
    assert not packages(imported("import captum_rectgrad")) & HEAVY


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["explain", "--help"],
        ["zoo", "--help"],
        ["zoo", "train", "--help"],
        ["reproduce", "--help"],
        ["check", "--help"],
    ],
    ids=" ".join,
)
def test_help_needs_no_pytorch(arguments: list[str]) -> None:
    found = imported(COMMAND, *arguments)
    assert "captum_rectgrad.cli" in found
    assert not packages(found) & HEAVY


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("rectgrad zoo ver", "verify"),
        ("rectgrad explain --model resnet5", "resnet50"),
        ("rectgrad explain --model resnet50.tv", "resnet50.tv_in1k"),
        ("rectgrad explain --methods saliency,int", "saliency,integrated"),
        ("rectgrad reproduce nie-", "nie-maps"),
        ("rectgrad reproduce --preset ", "smoke"),
        ("rectgrad check --model cifar10_cnn_o", "cifar10_cnn_occluded"),
    ],
)
def test_completion_needs_no_pytorch(line: str, answer: str, tmp_path: Path) -> None:
    found = imported(
        COMMAND,
        _ARGCOMPLETE="1",
        _ARGCOMPLETE_IFS="\n",
        _ARGCOMPLETE_STDOUT_FILENAME=str(tmp_path / "answers"),
        COMP_LINE=line,
        COMP_POINT=str(len(line)),
    )
    answers = (tmp_path / "answers").read_text(encoding="utf-8").split("\n")
    assert answer in map(str.strip, answers)
    assert not packages(found) & HEAVY


@pytest.mark.parametrize("prefix", ["", "cifar10", "resnet5", "vgg1", "no such"])
def test_names_of_models_are_those_that_the_zoo_and_timm_give(prefix: str) -> None:
    found, known = model_names.complete(prefix), rectgrad_zoo.complete(prefix)
    assert sorted(found) == sorted(known)
    own = [name for name in rectgrad_zoo.list() if name.startswith(prefix)]
    assert found[: len(own)] == own


@pytest.mark.parametrize("prefix", ["vgg19.", "resnet50.", "vit_tiny_patch16_224."])
def test_so_are_their_tags(prefix: str) -> None:
    found = model_names.complete(prefix)
    assert found
    assert sorted(found) == sorted(rectgrad_zoo.complete(prefix))


def test_the_keys_are_those_of_the_methods() -> None:
    assert tuple(method.key for method in methods()) == method_keys.COMPARED


@pytest.mark.parametrize("name", MODULES)
def test_a_study_is_found_by_its_own_name(name: str) -> None:
    assert find(name).name == name
