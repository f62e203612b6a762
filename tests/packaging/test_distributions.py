"""The wheel and the source distribution: what is in them, and that the wheel works alone."""

import hashlib
import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from email import message_from_string
from pathlib import Path, PurePosixPath

import pytest
from packaging.requirements import Requirement

from captum_rectgrad import __version__
from rectgrad_zoo import registry
from release import sbom

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {"captum_rectgrad", "rectgrad_zoo"}
MOST = 10_000_000  # bytes

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both, made as for PyPI: the wheel from the source distribution."""
    folder = tmp_path_factory.mktemp("dist")
    build(ROOT, folder)
    return folder


def build(project: Path, folder: Path, **variables: str) -> None:
    # With the hatchling that is installed: without it, every run would download one.
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder)]
    kept = {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"}
    subprocess.run(
        [*command, str(project)], check=True, capture_output=True, env={**kept, **variables}
    )


def hashes(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (found,) = built.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def source(built: Path) -> Path:
    (found,) = built.glob("*.tar.gz")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment that has the wheel, and no other trace of the project.

    What the project depends on is shared with the environment of the tests, as PyTorch alone is
    gigabytes: its folder comes after the environment's own, and editable installations in it do not
    count, since Python reads no `.pth` files there.
    """
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    install = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    subprocess.run([programs / "python", *install], check=True, env=environment())
    own = sysconfig.get_path("purelib", vars={"base": str(folder)})
    shared = sysconfig.get_path("purelib")
    Path(own, "shared.pth").write_text(f"{shared}\n", encoding="utf-8")
    return programs


def environment() -> dict[str, str]:
    """Without the paths of a checkout, and without network."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return {**kept, "HF_HUB_OFFLINE": "1"}


def run(installed: Path, empty: Path, *command: str) -> str:
    done = subprocess.run(
        [installed / command[0], *command[1:]],
        cwd=empty,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_both_pass_the_check_of_pypi(wheel: Path, source: Path) -> None:
    command = [sys.executable, "-m", "twine", "check", "--strict", str(wheel), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.count("PASSED") == 2


def test_the_wheel_has_the_two_packages_alone(wheel: Path) -> None:
    assert wheel.stat().st_size < MOST
    with zipfile.ZipFile(wheel) as archive:
        names = [PurePosixPath(name) for name in archive.namelist()]
    information = f"captum_rectgrad-{__version__}.dist-info"
    assert {name.parts[0] for name in names} == {*PACKAGES, information}
    inside = [name for name in names if name.parts[0] in PACKAGES]
    embedded = {row.name for row in registry.CHECKPOINTS if row.source == "embedded"}
    data = [name for name in inside if name.suffix != ".py" and name.name != "py.typed"]
    folders = {name.parent for name in data}
    of_weights = {PurePosixPath("rectgrad_zoo", "checkpoints", name) for name in embedded}
    assert folders == {*of_weights, PurePosixPath("captum_rectgrad", "app")}  # page.css
    assert not any("test" in part for name in inside for part in name.parts)
    for package in PACKAGES:
        assert PurePosixPath(package, "py.typed") in names
    code = {ROOT / "captum_rectgrad": "captum_rectgrad", ROOT / "zoo/rectgrad_zoo": "rectgrad_zoo"}
    for folder, package in code.items():
        for path in folder.rglob("*.py"):
            assert PurePosixPath(package, path.relative_to(folder).as_posix()) in names


def test_the_wheel_says_the_version_and_the_command(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        information = f"captum_rectgrad-{__version__}.dist-info"
        metadata = message_from_string(archive.read(f"{information}/METADATA").decode())
        commands = archive.read(f"{information}/entry_points.txt").decode()
    assert metadata["Version"] == __version__
    assert metadata["License-Expression"] == "BSD-3-Clause"
    assert "rectgrad = captum_rectgrad.cli.main:main" in commands


def test_the_source_has_what_building_and_testing_need_and_no_bulk(source: Path) -> None:
    assert source.stat().st_size < MOST
    with tarfile.open(source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "CITATION.cff",
        "CHANGELOG.md",
        "CODE_OF_CONDUCT.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "codemeta.json",
        "conda/recipe.yaml",
        "paper/paper.md",
        "release/captum-rectgrad.cdx.json",
        ".github/workflows/tests.yml",
        "Makefile",
        "environment.sh",
        "docs/images/demo.png",
        "zoo/README.md",
        "tests/conftest.py",
        "tests/packaging/test_distributions.py",
        "benchmarks/startup.py",
    } <= names
    assert not any(name.startswith(("docs/results/", "zoo/hub/", ".git/")) for name in names)


def test_building_again_elsewhere_gives_the_same_bytes(
    built: Path, source: Path, tmp_path: Path
) -> None:
    """From the unpacked source distribution: other times, other rights, another folder."""
    with tarfile.open(source) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    (project,) = (tmp_path / "source").iterdir()
    for path in project.rglob("*"):
        path.chmod(path.stat().st_mode & 0o700)
        os.utime(path, (1_700_000_000, 1_700_000_000))
    build(project, tmp_path / "dist")
    assert hashes(tmp_path / "dist") == hashes(built)
    # As in a release: both have the time of the commit.
    dated = {"SOURCE_DATE_EPOCH": str(1_600_000_000)}  # 2020-09-13 12:26:40
    build(project, tmp_path / "dated", **dated)
    (wheel,) = (tmp_path / "dated").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert {info.date_time for info in archive.infolist()} == {(2020, 9, 13, 12, 26, 40)}


def test_the_wheel_has_a_bill_of_materials_that_is_its_own(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        information = f"captum_rectgrad-{__version__}.dist-info"
        bill = json.loads(archive.read(f"{information}/sboms/{sbom.FILE.name}"))
        metadata = message_from_string(archive.read(f"{information}/METADATA").decode())
        content = {name: archive.read(name) for name in archive.namelist()}
    assert bill["metadata"]["component"]["version"] == metadata["Version"]
    assert bill["metadata"]["component"]["name"] == metadata["Name"]
    properties = [
        {one["name"]: one["value"] for one in part["properties"]} for part in bill["components"]
    ]
    required = [Requirement(line) for line in metadata.get_all("Requires-Dist", [])]
    for_users = [
        line
        for line in required
        if line.marker is None
        or line.marker.evaluate({"extra": "", "python_version": "3.10"})
        or any(line.marker.evaluate({"extra": extra}) for extra in sbom.EXTRAS)
    ]
    assert len(for_users) > len(sbom.EXTRAS)
    assert {
        Requirement(one[sbom.REQUIREMENT]) for one in properties if sbom.REQUIREMENT in one
    } == {*for_users}
    # Every file of weights is there, with the hash that it has in this wheel.
    hashed = {
        one[sbom.PATH]: part["hashes"][0]["content"]
        for part, one in zip(bill["components"], properties, strict=True)
        if sbom.PATH in one
    }
    assert hashed == {
        name: hashlib.sha256(data).hexdigest()
        for name, data in content.items()
        if name.endswith(".safetensors")
    }


def test_the_installed_package_is_the_wheel(installed: Path, tmp_path: Path) -> None:
    code = "import captum_rectgrad, rectgrad_zoo; print(captum_rectgrad, rectgrad_zoo)"
    found = run(installed, tmp_path, "python", "-c", code)
    assert found.count(str(installed.parent)) == 2
    assert str(ROOT) not in found


def test_the_zoo_is_listed_from_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    listed = run(installed, tmp_path, "rectgrad", "zoo", "list")
    assert all(row.name in listed for row in registry.CHECKPOINTS)
    assert run(installed, tmp_path, "rectgrad", "--version") == f"rectgrad {__version__}\n"


def test_photographs_are_explained_from_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    """By the network that is in the wheel; the default one is in an extra."""
    said = run(installed, tmp_path, "rectgrad", "explain", "--model", "cifar10_cnn")
    assert said == "wrote rectgrad.png\n"
    assert [path.name for path in tmp_path.iterdir()] == ["rectgrad.png"]
    assert (tmp_path / "rectgrad.png").read_bytes().startswith(b"\x89PNG")
