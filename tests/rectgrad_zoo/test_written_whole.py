"""Files are written beside their place and renamed: all of them, also where there is no room."""

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from rectgrad_zoo.written_whole import remove_unfinished, write_text, written_whole
from tests.support.writers import WRITERS

ROOT = Path(__file__).parents[2]
PACKAGES = ("captum_rectgrad", "zoo/rectgrad_zoo")


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    file, link = tmp_path / "figure.png", tmp_path / "link.png"
    file.write_text("old")
    link.symlink_to(file)

    def write(text: str) -> None:
        with written_whole(link) as unfinished:
            assert unfinished.suffix == ".png"
            unfinished.write_text(text)
            if text == "half":
                raise RuntimeError(text)

    with pytest.raises(RuntimeError):
        write("half")
    assert file.read_text() == "old"
    write("new")
    assert file.read_text() == "new"
    assert link.is_symlink()
    assert sorted(tmp_path.iterdir()) == [file, link]


def test_two_writers_of_one_file_do_not_meet(tmp_path: Path) -> None:
    file = tmp_path / "file"
    with written_whole(file) as one:
        one.write_text("one")
        with written_whole(file) as other:
            other.write_text("other")
        assert file.read_text() == "other"
    assert file.read_text() == "one"


def test_what_killed_processes_left_is_told_from_what_is_being_written(tmp_path: Path) -> None:
    with written_whole(tmp_path / "file") as current, written_whole(tmp_path / "old") as left:
        for unfinished in (current, left):
            unfinished.touch()
        os.utime(left, (0, 0))
        remove_unfinished(tmp_path, 3600)
        assert list(tmp_path.iterdir()) == [current]
        left.touch()


def test_permissions_of_an_earlier_file_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "private.txt"
    file.touch(0o400)
    write_text(file, "new")
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("new", 0o400)


def test_a_device_is_written_itself() -> None:
    write_text(Path("/dev/null"), "text")
    assert not Path("/dev/null").is_file()


def test_a_name_of_the_longest_length_is_written(tmp_path: Path) -> None:
    file = tmp_path / f"{'n' * 251}.png"
    write_text(file, "text")
    assert list(tmp_path.iterdir()) == [file]


def test_what_killed_processes_left_is_removed(tmp_path: Path) -> None:
    for name in ("mine.txt", ".mine", ".file.0a1b.unfinished.txt", ".file.2c3d.unfinished"):
        (tmp_path / name).touch()
    remove_unfinished(tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == [".mine", "mine.txt"]


# The tables of both ways to have no room, computed once: one process imports everything.


@cache
def without_room(how: str, folder: Path) -> dict[str, dict[str, object]]:
    command = [sys.executable, "-m", "tests.support.writers", how, str(folder)]
    if how == "full":
        mount = f"mount -t tmpfs -o size=16m tmpfs {folder}"
        namespace = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
        if subprocess.run([*namespace, mount], check=False, capture_output=True).returncode:
            pytest.skip("no small file system can be mounted here")
        command = [*namespace, f'{mount} && exec "$@"', "sh", *command]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, object]] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("without-room")


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize(
    ("how", "reason"), [("limit", "File too large"), ("full", "No space left on device")]
)
def test_an_earlier_file_survives_a_writer_without_room(
    how: str, reason: str, name: str, folder: Path
) -> None:
    found = without_room(how, folder)[name]
    assert reason in str(found["error"])
    assert str(folder) in str(found["error"])
    assert found["unchanged"], found["files"]


WRITING = {"write_text", "write_bytes", "savefig", "save", "save_file", "savez", "savez_compressed"}
# They give bytes, or are functions of this project.
OTHER = {"safetensors.torch.save", "state.save", "write_bytes", "write_text"}
OWN = "zoo/rectgrad_zoo/written_whole.py"


def writes(source: str) -> Iterator[str]:
    """The calls in a source that write a file, but not one of `written_whole` or in memory."""
    tree = ast.parse(source)
    safe = {name for node in ast.walk(tree) for name in safe_names(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and is_writing(node) and not safe & set(operands(node)):
            yield ast.unparse(node)


def safe_names(node: ast.AST) -> Iterator[str]:
    """Names that a statement gives to a file that is renamed, or to one in memory."""
    if isinstance(node, ast.withitem) and "written_whole" in ast.unparse(node.context_expr):
        yield ast.unparse(node.optional_vars) if node.optional_vars else ""
    elif isinstance(node, ast.arg) and node.arg == "unfinished":
        yield node.arg  # given by such a statement
    elif isinstance(node, ast.Assign) and re.search(
        r"BytesIO\(\)|written_whole", ast.unparse(node)
    ):
        yield ast.unparse(node.targets[0])


def is_writing(call: ast.Call) -> bool:
    function = ast.unparse(call.func)
    if function.rpartition(".")[2] in {"open", "ZipFile"}:
        words = [str(node.value) for node in ast.walk(call) if isinstance(node, ast.Constant)]
        return any(re.fullmatch(r"[wax]b?\+?|rb?\+", word) for word in words)
    return function.rpartition(".")[2] in WRITING and function not in OTHER


def operands(call: ast.Call) -> Iterator[str]:
    """The object of a method and the arguments of a call."""
    if isinstance(call.func, ast.Attribute):
        yield ast.unparse(call.func.value)
    yield from map(ast.unparse, call.args)


def test_all_files_are_written_by_one_function() -> None:
    found = {
        file: calls
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if (file := path.relative_to(ROOT).as_posix()) != OWN
        and (calls := list(writes(path.read_text("utf-8"))))
    }
    assert not found


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("file.write_text(text)", 1),
        ("write_text(file, text)", 0),
        ("open(file, 'w')", 1),
        ("file.open('rb')", 0),
        ("file.open(mode='ab')", 1),
        ("figure.savefig(file)", 1),
        ("np.save(file, array)", 1),
        ("safetensors.torch.save_file(weights, file)", 1),
        ("zipfile.ZipFile(file, 'w')", 1),
        ("with written_whole(file) as unfinished: figure.savefig(unfinished)", 0),
        ("with written_whole(file) as unfinished: figure.savefig(file)", 1),
        ("one = stack.enter_context(written_whole(file))\none.write_bytes(content)", 0),
        ("stream = io.BytesIO()\nfigure.savefig(stream)", 0),
    ],
)
def test_a_file_that_is_written_in_place_is_found(source: str, count: int) -> None:
    assert len(list(writes(source))) == count
