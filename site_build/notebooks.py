"""The tutorials as Jupyter notebooks, with their outputs, for GitHub and Colab.

A notebook has the text and the code of the tutorial's cells, after one that installs the package.
`python -m site_build.notebooks [TUTORIAL ...]` runs them and writes them to `docs/notebooks`. It
needs the extra `docs`.
"""

import base64
import io
import os
import posixpath
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from site_build.pages import LINK, ROOT
from site_build.tutorial import TutorialError, cells

if TYPE_CHECKING:
    from nbformat import NotebookNode

REPOSITORY = "captum-rectgrad/captum-rectgrad"
TUTORIALS = ROOT / "docs" / "tutorials"
NOTEBOOKS = ROOT / "docs" / "notebooks"
# Lines of the command that are no warnings: what it will compute.
COMMAND = re.compile(r"rectgrad: (?!warning|error)")
MOST_SECONDS = 600  # of one cell, on a machine that does other work as well

INSTALL = f"""\
# Colab does not have the package. Where it is installed, this cell does nothing.
from importlib.util import find_spec

if find_spec("captum_rectgrad") is None:
    %pip install -q "captum-rectgrad[imagenet,studies] @ git+https://github.com/{REPOSITORY}"
"""


def notebook_of(tutorial: Path) -> Path:
    """The notebook of a tutorial: `plot_1_first_map.py` has `1_first_map.ipynb`."""
    return NOTEBOOKS / f"{tutorial.stem.removeprefix('plot_')}.ipynb"


def colab_address(tutorial: Path) -> str:
    """Where Colab opens the notebook of a tutorial."""
    path = notebook_of(tutorial).relative_to(ROOT).as_posix()
    return f"https://colab.research.google.com/github/{REPOSITORY}/blob/main/{path}"


def sources(tutorial: Path) -> list[tuple[str, str]]:
    """The cells of a notebook without their outputs.

    Args:
        tutorial: the tutorial.

    Returns:
        Type (`markdown` or `code`) and text of each cell. Links are addresses on GitHub, as Colab
        does not have the other files of the repository.
    """
    found: list[tuple[str, str]] = []
    for number, cell in enumerate(cells(tutorial.read_text(encoding="utf-8"))):
        if cell.text:
            found.append(("markdown", _with_addresses(cell.text)))
        if number == 0:
            found.append(("code", INSTALL.rstrip()))
        if cell.code:
            found.append(("code", cell.code))
    return found


def run(tutorial: Path) -> "NotebookNode":
    """Run a tutorial as a notebook, in a kernel and an empty folder of its own.

    Args:
        tutorial: the tutorial.

    Returns:
        The notebook, with its outputs.

    Raises:
        TutorialError: a cell writes to stderr, such as a warning; but for lines of the command.
        CellExecutionError: a cell raises an error.
    """
    from nbclient import NotebookClient  # noqa: PLC0415
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook  # noqa: PLC0415

    new_cell = {"code": new_code_cell, "markdown": new_markdown_cell}
    notebook = new_notebook(
        cells=[
            new_cell[kind](text, id=f"cell-{number}")
            for number, (kind, text) in enumerate(sources(tutorial))
        ],
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
        },
    )
    with tempfile.TemporaryDirectory() as empty:
        client = NotebookClient(
            notebook,
            timeout=MOST_SECONDS,
            record_timing=False,
            coalesce_streams=True,
            resources={"metadata": {"path": empty}},
        )
        client.execute(env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"})
    # The version of Python would change with every machine.
    notebook.metadata["language_info"] = {"name": "python"}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.get("name") == "stderr":
                if not all(map(COMMAND.match, output["text"].splitlines())):
                    raise TutorialError(f"{tutorial.name}, in {cell.source!r}: {output['text']}")
                output["name"] = "stdout"  # on the page of the tutorial, they are the same
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = _compressed(output.data["image/png"])
    return notebook


def with_badge(page: str, tutorial: Path) -> str:
    """The page of a tutorial, with links to its notebook below the title."""
    title, _, rest = page.partition("\n")
    notebook = posixpath.relpath(notebook_of(tutorial), TUTORIALS)
    badge = f"[![Open in Colab](../assets/colab.svg)]({colab_address(tutorial)})"
    return f"{title}\n\n{badge} [Notebook]({notebook})\n{rest}"


def _compressed(png: str) -> str:
    """A picture in 256 colours. Noise, such as saliency maps, takes a third of the bytes then."""
    image = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    written = io.BytesIO()
    image.quantize(256, dither=Image.Dither.NONE).save(written, "png", optimize=True)
    return base64.b64encode(written.getvalue()).decode() + "\n"


def _with_addresses(markdown: str) -> str:
    return LINK.sub(_with_address, markdown)


def _with_address(match: re.Match[str]) -> str:
    """A link from the folder of the tutorials, as an address on GitHub."""
    image, text, target, anchor = match.groups()
    if ":" in target:
        return match[0]
    path = ROOT / posixpath.normpath(posixpath.join("docs/tutorials", target))
    if path.parent == TUTORIALS and path.suffix == ".py":
        path = notebook_of(path)
    address = f"https://github.com/{REPOSITORY}/blob/main/{path.relative_to(ROOT).as_posix()}"
    return f"{image}[{text}]({address}{anchor or ''})"


def _main(names: list[str]) -> None:
    """Run and write the notebooks of the named tutorials, or of all."""
    import nbformat  # noqa: PLC0415

    chosen = [Path(name).resolve() for name in names]
    for tutorial in chosen or sorted(TUTORIALS.glob("plot_*.py")):
        nbformat.write(run(tutorial), notebook_of(tutorial))


if __name__ == "__main__":
    _main(sys.argv[1:])
