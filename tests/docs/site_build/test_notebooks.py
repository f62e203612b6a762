"""The notebooks have the cells of the tutorials, run in a kernel, and are small."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from site_build.notebooks import (
    INSTALL,
    NOTEBOOKS,
    REPOSITORY,
    TUTORIALS,
    colab_address,
    notebook_of,
    run,
    sources,
    with_badge,
)
from tests.support.requirements import ROOT, project

pytestmark = pytest.mark.checkout  # a source distribution has no notebooks

FILES = sorted(TUTORIALS.glob("plot_*.py"))
MOST_BYTES = 3_000_000
MOST_SECONDS = 90  # of one processor, which other work on the machine does not change


def written(tutorial: Path) -> list[dict[str, Any]]:
    """The cells of the notebook that is in the repository."""
    cells: list[dict[str, Any]] = json.loads(notebook_of(tutorial).read_text("utf-8"))["cells"]
    return cells


def pictures(cells: list[dict[str, Any]]) -> int:
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    return sum("image/png" in output.get("data", {}) for output in outputs)


def test_every_tutorial_has_a_notebook() -> None:
    found = sorted(NOTEBOOKS.iterdir())
    assert found == sorted(map(notebook_of, FILES))
    assert sum(file.stat().st_size for file in found) < MOST_BYTES


@pytest.mark.parametrize("tutorial", FILES, ids=lambda file: file.stem)
def test_a_notebook_is_not_stale(tutorial: Path) -> None:
    found = [(cell["cell_type"], "".join(cell["source"])) for cell in written(tutorial)]
    assert found == sources(tutorial), "python -m site_build.notebooks writes the notebooks"


@pytest.mark.parametrize("tutorial", FILES, ids=lambda file: file.stem)
def test_a_notebook_has_its_outputs(tutorial: Path) -> None:
    cells = written(tutorial)
    counts = [cell["execution_count"] for cell in cells if cell["cell_type"] == "code"]
    assert counts == list(range(1, 1 + len(counts)))
    assert pictures(cells) >= tutorial.read_text("utf-8").count("plt.show()\n") > 0
    kinds = {output.get("name", "") for cell in cells for output in cell.get("outputs", [])}
    assert kinds <= {"stdout", ""}


def test_the_first_code_installs_the_package() -> None:
    (requirement,) = re.findall(r'%pip install -q "(.*)"', INSTALL)
    parsed = Requirement(requirement)
    table = project()
    assert parsed.name == table["name"]
    assert parsed.extras <= set(table["optional-dependencies"])
    assert parsed.url == f"git+{table['urls']['Repository']}"
    assert table["urls"]["Repository"] == f"https://github.com/{REPOSITORY}"


def test_links_in_notebooks_lead_to_files_on_github() -> None:
    links = [
        link
        for tutorial in FILES
        for kind, text in sources(tutorial)
        if kind == "markdown"
        for link in re.findall(r"\]\(([^)#]+)", text)
    ]
    own = f"https://github.com/{REPOSITORY}/blob/main/"
    inside = [link.removeprefix(own) for link in links if link.startswith(own)]
    assert inside
    assert all((ROOT / path).is_file() for path in inside if "docs/results" not in path), inside
    assert not any(path.endswith(".py") for path in inside)
    assert all(link.startswith("https://") for link in links), links


def test_pages_and_their_table_open_notebooks_in_colab() -> None:
    table = (TUTORIALS / "README.md").read_text("utf-8")
    for tutorial in FILES:
        address = colab_address(tutorial)
        page = with_badge("# A title\n\nText\n", tutorial)
        assert page.startswith(f"# A title\n\n[![Open in Colab](../assets/colab.svg)]({address})")
        assert page.endswith(f"[Notebook](../notebooks/{notebook_of(tutorial).name})\n\nText\n")
        assert f"[![Open in Colab](../assets/colab.svg)]({address})" in table
    assert (ROOT / "docs/assets/colab.svg").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("tutorial", FILES, ids=lambda file: file.stem)
def test_a_notebook_runs(tutorial: Path) -> None:
    pytest.importorskip("ipykernel", reason="needs the extra docs")
    pytest.importorskip("nbclient", reason="needs the extra docs")
    before = os.times()
    notebook = run(tutorial)
    after = os.times()
    used = after.children_user + after.children_system
    used -= before.children_user + before.children_system
    assert pictures(notebook.cells) == pictures(written(tutorial))
    assert 1 < used < MOST_SECONDS
