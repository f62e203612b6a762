"""`make` on machines that lack something: one sentence that says what, and the next run works.

The Makefile and environment.sh are the repository's. The project that they install is a small one
that needs no package, so that Python, venv and pip are real and no network is used.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = """
[build-system]
requires = [{build}]
build-backend = "backend"
backend-path = ["."]

[project]
name = "small"
version = "1"
"""
# A wheel with the command `rectgrad`, which writes its last argument's file.
BACKEND = """
import zipfile

FILES = {
    "small.py": "import sys, pathlib\\ndef main(): pathlib.Path(sys.argv[-1]).touch()\\n",
    "small-1.dist-info/METADATA": "Metadata-Version: 2.1\\nName: small\\nVersion: 1\\n"
    "Provides-Extra: imagenet\\n",
    "small-1.dist-info/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    "small-1.dist-info/entry_points.txt": "[console_scripts]\\nrectgrad = small:main\\n",
    "small-1.dist-info/RECORD": "",
    "bulk": "." * BULK,
}

def build_editable(folder, config_settings=None, metadata_directory=None):
    with zipfile.ZipFile(f"{folder}/small-1-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, text in FILES.items():
            wheel.writestr(name, text)
    return "small-1-py3-none-any.whl"
"""

MAKE = shutil.which("make")

pytestmark = pytest.mark.skipif(MAKE is None, reason="no make")
# These make environments, a few seconds each.
slow = pytest.mark.slow


def write_project(folder: Path, *, build: str = "", bulk: int = 0) -> Path:
    folder.mkdir(exist_ok=True)
    for name in ("Makefile", "environment.sh"):
        shutil.copy(ROOT / name, folder)
    (folder / "pyproject.toml").write_text(PYPROJECT.format(build=build), encoding="utf-8")
    (folder / "backend.py").write_text(f"BULK = {bulk}\n{BACKEND}", encoding="utf-8")
    return folder


def make(project: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    return subprocess.run(
        [str(MAKE), "demo", f"PYTHON={sys.executable}", *words],
        cwd=project,
        env={**kept, "PIP_CONFIG_FILE": os.devnull, "LC_ALL": "C", **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def succeeds(*command: str) -> bool:
    program = shutil.which(command[0])
    return (
        program is not None and not subprocess.run([program, *command[1:]], check=False).returncode
    )


def sentence(done: subprocess.CompletedProcess[str]) -> str:
    """What is said on the standard error, which is one line besides make's own."""
    assert done.returncode
    (line,) = [one for one in done.stderr.splitlines() if not one.startswith("make")]
    return line


def assert_works(project: Path) -> None:
    done = make(project, PIP_NO_INDEX="1")
    assert done.returncode == 0, done.stderr
    assert (project / "demo.png").exists()
    assert not (project / ".venv/.unfinished").exists()


def python_with(folder: Path, code: str) -> str:
    """A command like this Python that runs some code first."""
    command = folder / "python3"
    start = f"import sys; {code}; sys.argv.pop(0); exec(sys.argv[0])"
    text = f"""#!/bin/sh
        case $1 in
            -c) shift; exec '{sys.executable}' -c '{start}' "$@" ;;
            --version) echo Python 3.9.2 ;;
            *) exec '{sys.executable}' "$@" ;;
        esac
    """
    command.write_text(text, encoding="utf-8")
    command.chmod(0o755)
    return f"PYTHON={command}"


@slow
def test_each_step_is_announced_in_few_lines(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    done = make(project, PIP_NO_INDEX="1")
    assert done.returncode == 0, done.stderr
    said = [line.partition(":")[0] for line in done.stdout.splitlines()]
    assert said == [
        "Environment",
        "Packages",
        "Picture",
        ".venv/bin/rectgrad explain --methods all --out demo.png",
    ]
    assert not done.stderr
    again = make(project)
    assert "Nothing to be done" in again.stdout


@slow
def test_python_3_9_is_named_and_a_newer_one_works(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    old = python_with(tmp_path, "sys.version_info = (3, 9, 2)")
    assert "Python 3.10 or newer is needed" in (said := sentence(make(project, old)))
    assert "Python 3.9.2" in said
    assert_works(project)


def test_a_command_that_does_not_exist_is_named(tmp_path: Path) -> None:
    said = sentence(make(write_project(tmp_path), "PYTHON=python3.99"))
    assert "no command python3.99" in said


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_a_python_without_venv_names_the_package_of_debian(tmp_path: Path, module: str) -> None:
    project = write_project(tmp_path)
    without = python_with(tmp_path, f'sys.modules["{module}"] = None')
    assert "apt install python3-venv" in sentence(make(project, without))
    assert not (project / ".venv").exists()


@slow
def test_without_network_the_missing_package_is_named(tmp_path: Path) -> None:
    project = write_project(tmp_path, build='"hatchling>=1.26"')
    done = make(project, PIP_INDEX_URL="http://127.0.0.1:9", PIP_RETRIES="0")
    assert "cannot be downloaded (no hatchling>=1.26" in (said := sentence(done))
    assert "PIP_INDEX_URL" in said
    (project / ".venv/from-before").touch()
    write_project(project)
    assert_works(project)
    # A failed download leaves the environment as it was.
    assert (project / ".venv/from-before").exists()


@slow
@pytest.mark.parametrize("step", ["environment", "packages"])
def test_a_full_disk_is_named_and_with_more_room_the_environment_is_made_again(
    tmp_path: Path, step: str
) -> None:
    # An environment takes about 25 MB.
    room, bulk = {"environment": (8, 0), "packages": (64, 100_000_000)}[step]
    disk = tmp_path / "disk"
    disk.mkdir()
    if not succeeds("mount", "-t", "tmpfs", "-o", f"size={room}m", "tmpfs", str(disk)):
        pytest.skip("no disk of a few megabytes can be mounted")
    try:
        project = write_project(disk, bulk=bulk)
        assert "The disk is full" in sentence(make(project, PIP_NO_INDEX="1", TMPDIR=str(tmp_path)))
        assert (project / ".venv/.unfinished").exists()
        assert succeeds("mount", "-o", "remount,size=300m", str(disk))
        assert_works(project)
    finally:
        assert succeeds("umount", str(disk))


def test_an_environment_without_pip_is_named(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", project / ".venv"], check=True)
    assert "make clean" in sentence(make(project))


@slow
def test_other_errors_of_pip_are_shown(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    (project / "backend.py").write_text("raise SystemExit('broken')", encoding="utf-8")
    done = make(project, PIP_NO_INDEX="1")
    assert "broken" in done.stderr
    assert "pip cannot install the packages" in done.stderr
