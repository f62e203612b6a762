"""A tutorial, a plain Python file, run and made into a page with its output and its figures.

The file starts with a docstring, Markdown whose first line is the title. `# %%` starts a cell:
comment lines, which are Markdown, then code. What a cell prints and the figures it draws with
pyplot follow it. A figure's name (`plt.figure("...")`, `plt.subplots(num="...")`,
`figure.set_label("...")`) says what it shows to those who do not see it: one without fails,
as does any error.

`python -m site_build.tutorial FILE FOLDER` writes the page and the figures to FOLDER; the build
runs each tutorial so, in a process and an empty folder of its own.
"""

import ast
import io
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

CELL = re.compile(r"^# %%.*$", re.MULTILINE)


class TutorialError(RuntimeError):
    """A tutorial that cannot be made into a page."""


@dataclass(frozen=True)
class Cell:
    """Text and the code that follows it.

    Attributes:
        text: Markdown; may be empty.
        code: Python; may be empty.
        line: of the file, from 1, where the code starts.
    """

    text: str
    code: str
    line: int


def cells(source: str) -> list[Cell]:
    """The cells of a tutorial; the first is its docstring, and the code before the first `# %%`.

    Raises:
        TutorialError: no docstring, or one that does not start with a title.
    """
    tree = ast.parse(source)
    docstring = (ast.get_docstring(tree) or "").strip()
    if not docstring.startswith("# "):
        raise TutorialError("a tutorial starts with a docstring whose first line is '# Its title'")
    end = tree.body[0].end_lineno or 1
    lines = source.splitlines(keepends=True)
    starts = [number for number, line in enumerate(lines) if CELL.match(line)]
    bounds = [*starts, len(lines)]
    found = [_cell(lines, end, bounds[0], docstring)]
    for start, stop in zip(starts, bounds[1:], strict=True):
        first = start + 1
        while first < stop and lines[first].startswith("#"):
            first += 1
        comment = "".join(line[1:].removeprefix(" ") for line in lines[start + 1 : first])
        found.append(_cell(lines, first, stop, comment.strip()))
    return found


def page(source: Path, folder: Path) -> str:
    """Run a tutorial and describe it in Markdown.

    Args:
        source: the tutorial.
        folder: where the figures go, as `STEM_1.png` and so on.

    Raises:
        TutorialError: a figure without a name, or see `cells`.
        Exception: whatever the tutorial raises.
    """
    import matplotlib as mpl  # noqa: PLC0415

    mpl.use("agg")
    warnings.filterwarnings("ignore", message="FigureCanvasAgg is non-interactive")
    module = ModuleType("__main__")
    module.__dict__["__file__"] = str(source)
    # Dataclasses and pickles look their module up by its name.
    sys.modules["__main__"] = module
    parts, figures = [], 0
    for cell in cells(source.read_text(encoding="utf-8")):
        parts.append(cell.text)
        if not cell.code:
            continue
        parts.append(f"```python\n{cell.code}\n```")
        # As many empty lines before it as in the file: a traceback names the right line.
        code = compile("\n" * (cell.line - 1) + cell.code, str(source), "exec")
        with tempfile.TemporaryFile("w+b") as printed:
            with _everything_into(printed.fileno()):
                exec(code, module.__dict__)  # noqa: S102
            printed.seek(0)
            output = printed.read().decode().rstrip()
        if output:
            parts.append(f"``` {{ .text .output }}\n{output}\n```")
        drawn = _save_figures(source, cell, folder, figures)
        figures += len(drawn)
        parts.extend(drawn)
    parts.append(
        f'This page is <a href="../{source.name}" download>{source.name}</a>, run when the site '
        "was made: what it prints and draws is what you get."
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def _cell(lines: list[str], first: int, stop: int, text: str) -> Cell:
    """The cell whose code is in these lines, empty ones around it left out."""
    while first < stop and not lines[first].strip():
        first += 1
    return Cell(text, "".join(lines[first:stop]).rstrip(), first + 1)


@contextmanager
def _everything_into(descriptor: int) -> Iterator[None]:
    """Standard output goes there, that of processes which the tutorial starts as well."""
    sys.stdout.flush()
    before = os.dup(1)
    os.dup2(descriptor, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(before, 1)
        os.close(before)


def _save_figures(source: Path, cell: Cell, folder: Path, before: int) -> list[str]:
    """Write pyplot's open figures, close them, and show them in Markdown."""
    import matplotlib.pyplot as plt  # noqa: PLC0415

    shown: list[str] = []
    for number in plt.get_fignums():
        figure = plt.figure(number)
        name = str(figure.get_label()).strip()
        if not name:
            raise TutorialError(
                f"{source.name}, the cell from line {cell.line}: a figure without a name, which "
                'says what it shows to those who do not see it: plt.figure("A cat, and its map")'
            )
        file = f"{source.stem}_{before + len(shown) + 1}.png"
        figure.savefig(folder / file, dpi="figure")
        shown.append(f"![{' '.join(name.split())}]({file})")
    plt.close("all")
    return shown


def _main() -> None:
    """Write a tutorial's page and figures to a folder."""
    # What it prints comes before what a process that it starts then writes, as on a terminal.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    source, folder = (Path(argument).resolve() for argument in sys.argv[1:])
    with tempfile.TemporaryDirectory() as empty:
        os.chdir(empty)
        sys.argv[1:] = []
        (folder / f"{source.stem}.md").write_text(page(source, folder), encoding="utf-8")


if __name__ == "__main__":
    _main()
