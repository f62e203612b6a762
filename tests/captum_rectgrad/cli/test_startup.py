"""What an import, `--help` and a completion import themselves. Seconds: `benchmarks.startup`."""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

import rectgrad_zoo
from captum_rectgrad.cli import completion
from captum_rectgrad.evaluation.methods import methods
from captum_rectgrad.studies.framework.registry import MODULES, find

HEAVY = {
    "torch",
    "captum",
    "timm",
    "torchvision",
    "matplotlib",
    "datasets",
    "ray",
    "scipy",
    "gradio",
}
COMMAND = "import sys; from captum_rectgrad.cli.main import main; sys.exit(main())"


def account(
    code: str, *arguments: str, environment: Mapping[str, str] | None = None, status: int = 0
) -> str:
    """What a fresh process says on stderr: its own account of the modules that it imports."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code, *arguments],
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stderr
    return done.stderr


def modules_in(said: str) -> set[str]:
    lines = [line for line in said.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip() for line in lines}


def imported(code: str, *arguments: str, **environment: str) -> set[str]:
    """Every module that a fresh process imports."""
    return modules_in(account(code, *arguments, environment=environment))


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
        "import captum_rectgrad.cli.reproduce",
    )
    assert {"torch", "captum", "matplotlib"} <= packages(captum)  # the account sees what is heavy
    assert packages(methods - captum) == {"captum_rectgrad"}
    assert not packages(captum | methods) & {"timm", "datasets", "ray"}
    assert "captum_rectgrad.cli.reproduce" in studies
    assert "ray" not in packages(studies)


@pytest.mark.parametrize("name", ["captum_rectgrad", "captum_rectgrad.sanity"])
def test_the_package_alone_imports_nothing_heavy(name: str) -> None:
    assert not packages(imported(f"import {name}; dir({name})")) & HEAVY


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
        ["app", "--help"],
    ],
    ids=" ".join,
)
def test_help_needs_no_pytorch(arguments: list[str]) -> None:
    found = imported(COMMAND, *arguments)
    assert "captum_rectgrad.cli.main" in found
    assert not packages(found) & HEAVY


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("explain no_such.png", "no such file"),
        ("explain --model cifar10_cmn", "did you mean cifar10_cnn"),
        ("explain --model resnte18", "did you mean resnet18"),
        ("explain --methods rectgard", "did you mean rectgrad"),
        ("explain --ovrelay", "did you mean --overlay"),
        ("explain --labels no_such.txt", "cannot read the labels"),
        ("check --model cifar10_cmn", "did you mean cifar10_cnn"),
        ("check --model cifar10_cnn --method rectgard", "did you mean rectgrad"),
        ("check --model cifar10_cnn no_such.png", "no such file"),
        ("check --model cifar10_cnn --percentile 980", "[0, 100]"),
        ("reproduce pathc", "did you mean patch"),
        ("reproduce patch --methods rectgard", "did you mean rectgrad"),
        ("reproduce patch --data no/such/folder", "there is no folder"),
        ("reproduce patch --checkpoint noise=cifar10_cmn --data .", "did you mean cifar10_cnn"),
        ("reproduce patch --minutes 0", "more than 0"),
        ("zoo show cifar10_cmn", "did you mean cifar10_cnn"),
        ("zoo fetch resnte18", "did you mean resnet18"),
        ("zoo verify cifar10_cmn --data .", "did you mean cifar10_cnn"),
        ("app --model cifar10_cmn", "did you mean cifar10_cnn"),
        ("app --port 99999", "--port must be in [0, 65535], got 99999"),
        ("app --port PORT", "is in use; choose another with --port"),
        ("ap", "did you mean app"),
    ],
)
def test_a_bad_argument_is_refused_without_pytorch(line: str, said: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        line = line.replace("PORT", str(server.getsockname()[1]))
        answer = account(COMMAND, *line.split(), status=2)
    (error,) = [text for text in answer.splitlines() if not text.startswith("import time:")]
    assert error.startswith("rectgrad: error: ")
    assert said in error
    assert not packages(modules_in(answer)) & (HEAVY - {"matplotlib"})


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("rectgrad zoo ver", "verify"),
        ("rectgrad ap", "app"),
        ("rectgrad explain --over", "--overlay"),
        ("rectgrad explain --lab", "--labels"),
        ("rectgrad explain --outp", "--output"),
        ("rectgrad check --outp", "--output"),
        ("rectgrad explain --model tf_eff", "tf_efficientnet_lite0"),
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


@pytest.mark.parametrize("prefix", ["", "cifar10", "no such"])
def test_completed_models_are_those_of_the_zoo(prefix: str) -> None:
    known = [name for name in rectgrad_zoo.list() if name.startswith(prefix)]
    assert completion.complete_models(prefix) == known


def test_the_keys_are_those_of_the_methods() -> None:
    assert tuple(method.key for method in methods()) == completion.COMPARED


@pytest.mark.parametrize("name", MODULES)
def test_a_study_is_found_by_its_own_name(name: str) -> None:
    assert find(name).name == name
