"""Seeded mistakes, and whether the tests find each of them.

    python -m tests.support.mutations [--only NAME ...] [--tests PATH ...]

`mutations.toml` lists the mistakes. Each replaces one text in one file of the packages. The script
copies the working tree to a temporary folder, makes one mistake at a time in the copy and runs the
tests there: first those that the list names, then all other tests of `make test`. A mistake that no
test finds survives, and the exit status is 1.

A test that fails without any mistake finds nothing. The named tests must therefore pass in the
unchanged copy first. A test that the list does not name is run in the unchanged copy after it
failed.
"""
# ruff: noqa: T201 (a command prints)

import argparse
import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
TABLE = Path("tests/support/mutations.toml")
TIMEOUT = 1800  # seconds for one run of pytest
ENDLESS = f"no end after {TIMEOUT} s"
WHERE = """
import captum_rectgrad, pathlib, rectgrad_zoo
for module in (captum_rectgrad, rectgrad_zoo):
    assert pathlib.Path(module.__file__).resolve().is_relative_to(pathlib.Path.cwd()), module
"""


@dataclass(frozen=True)
class Mutation:
    """A mistake.

    Attributes:
        name: the mistake in words.
        file: the file that it is made in, from the root of the repository.
        old: the right text, which occurs once in the file.
        new: the wrong text.
        tests: files or single tests that are run first.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def problems(self, root: Path) -> list[str]:
        """Why the entry does not fit the code, one line for each reason."""
        file = root / self.file
        text = file.read_text(encoding="utf-8") if file.is_file() else ""
        absent = [test for test in self.tests if not (root / test.partition("::")[0]).exists()]
        found = [f"there is no test {test}" for test in absent]
        if (count := text.count(self.old)) != 1:
            found.append(f"the old text occurs {count} times, expected once")
        try:
            ast.parse(text.replace(self.old, self.new))
        except SyntaxError as error:
            found.append(f"the new text is not Python: {error}")
        return [f"{self.name!r} in {self.file}: {problem}" for problem in found]

    @contextmanager
    def made(self, root: Path) -> Iterator[None]:
        """Make the mistake, and undo it afterwards."""
        file, kept = root / self.file, root.parent / "kept"
        shutil.copy2(file, kept)
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace(self.old, self.new), encoding="utf-8")
        try:
            yield
        finally:
            shutil.copy2(kept, file)


def read_table(root: Path, only: Sequence[str] | None = None) -> list[Mutation]:
    """Read the list, and refuse it if an entry does not fit the code any more."""
    entries = tomllib.loads((root / TABLE).read_text(encoding="utf-8"))["mutation"]
    found = [Mutation(**{**entry, "tests": tuple(entry["tests"])}) for entry in entries]
    if unknown := set(only or ()) - {mutation.name for mutation in found}:
        raise SystemExit(f"no mutation is called {', '.join(map(repr, sorted(unknown)))}")
    if problems := [line for mutation in found for line in mutation.problems(root)]:
        raise SystemExit("\n".join([f"{TABLE} does not fit the code:", *problems]))
    return [mutation for mutation in found if only is None or mutation.name in only]


def copy_tree(to: Path) -> None:
    """Copy the files of the working tree that git knows or does not ignore."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in sorted(set(listed.split("\0"))):
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)


def python(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the copy, with the packages of the copy instead of the installed ones."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (root, root / "zoo")))}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=root,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )


def first_failure(root: Path, tests: Sequence[str], without: Sequence[str] = ()) -> str | None:
    """Run tests of `make test`, as far as the first that fails; None: all pass."""
    marks = re.search(r"^PYTEST_MARKS \?= (.+)$", (root / "Makefile").read_text(), re.MULTILINE)
    if marks is None:
        raise SystemExit("the Makefile does not say in PYTEST_MARKS which tests `make test` runs")
    options = ["--exitfirst", "--quiet", "--tb=no", "-p", "no:cacheprovider", "-m", marks[1]]
    options += [f"--deselect={test}" for test in without]
    try:
        run = python(root, "-m", "pytest", *options, *tests)
    except subprocess.TimeoutExpired:
        return ENDLESS
    if run.returncode == 0:
        return None
    if failed := re.search(r"^(?:FAILED|ERROR) (.+?::.+?)(?: - .*)?$", run.stdout, re.MULTILINE):
        return failed[1]
    raise SystemExit(f"pytest ran no test:\n{run.stdout}{run.stderr}")  # as of an import error


def killer(root: Path, mutation: Mutation, tests: Sequence[str] | None) -> str | None:
    """The test that finds a mistake; None: it survives."""
    with mutation.made(root):
        found = first_failure(root, tests or mutation.tests)
        if found or tests:
            return found
        found = first_failure(root, ["tests"], without=mutation.tests)
    if found not in (None, ENDLESS) and first_failure(root, [str(found)]):
        raise SystemExit(f"{found} fails without {mutation.name!r} too")
    return found


def main() -> int:
    """Make the mistakes and print what found each; 1 if one survives."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these mistakes alone")
    parser.add_argument("--tests", nargs="+", metavar="PATH", help="run these tests alone")
    args = parser.parse_args()
    survivors = 0
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve() / "copy"
        copy_tree(root)
        mutations = read_table(root, args.only)
        if (imported := python(root, "-c", WHERE)).returncode:
            raise SystemExit(f"the packages of the copy are not imported:\n{imported.stderr}")
        named = sorted({test for mutation in mutations for test in mutation.tests})
        if failed := first_failure(root, args.tests or named):
            raise SystemExit(f"{failed} fails without any mistake")
        width = max(len(mutation.name) for mutation in mutations)
        for mutation in mutations:
            begun = time.monotonic()
            found = killer(root, mutation, args.tests)
            survivors += found is None
            seconds = time.monotonic() - begun
            print(f"{mutation.name:{width}}  {seconds:4.0f} s  {found or 'SURVIVED'}", flush=True)
    print(f"{len(mutations) - survivors} of {len(mutations)} mistakes were found")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
