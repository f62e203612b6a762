"""Tutorials are run as they are written, and what they print and draw is on the page."""

import subprocess
import sys
from pathlib import Path

import pytest

from site_build.tutorial import TutorialError, cells

ROOT = Path(__file__).resolve().parents[3]

TUTORIAL = '''"""
# A title

What it is about.
"""

# %%
# ## A cell
#
# - a list
#   of one

import subprocess
import sys

total = 1 + 1
print("total", total)
subprocess.run([sys.executable, "-c", "print('from another process')"], check=True)

# %%
import matplotlib.pyplot as plt

# A comment below code is code.
plt.figure("A line\\nthat rises", figsize=(2, 1))
plt.plot([0, total])
plt.subplots(num="Nothing at all")
plt.show()
'''


def made(tutorial: str, folder: Path) -> subprocess.CompletedProcess[str]:
    source = folder / "plot_1_it.py"
    source.write_text(tutorial, encoding="utf-8")
    command = [sys.executable, "-m", "site_build.tutorial", str(source), str(folder)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_cells() -> None:
    first, second, third = cells(TUTORIAL)
    assert first.text == "# A title\n\nWhat it is about."
    assert not first.code
    assert second.text == "## A cell\n\n- a list\n  of one"
    assert second.code.startswith("import subprocess\n")
    assert TUTORIAL.splitlines()[second.line - 1] == "import subprocess"
    assert not third.text
    assert "# A comment below code is code." in third.code


@pytest.mark.parametrize("source", ["x = 1\n", '"""No title."""\n', ""])
def test_a_tutorial_has_a_title(source: str) -> None:
    with pytest.raises(TutorialError, match="a docstring whose first line is"):
        cells(source)


def test_page(tmp_path: Path) -> None:
    done = made(TUTORIAL, tmp_path)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "plot_1_it.md").read_text(encoding="utf-8")
    assert page.startswith("# A title\n\nWhat it is about.\n\n## A cell\n")
    assert "``` { .text .output }\ntotal 2\nfrom another process\n```" in page
    assert "![A line that rises](plot_1_it_1.png)\n\n![Nothing at all](plot_1_it_2.png)" in page
    png = (tmp_path / "plot_1_it_1.png").read_bytes()
    assert int.from_bytes(png[16:20], "big") == 200
    assert 'href="../plot_1_it.py"' in page


def test_a_figure_needs_a_name(tmp_path: Path) -> None:
    done = made(TUTORIAL.replace('"A line\\nthat rises", ', ""), tmp_path)
    assert done.returncode != 0
    assert "plot_1_it.py, the cell from line 21: a figure without a name" in done.stderr


def test_an_error_names_the_line(tmp_path: Path) -> None:
    broken = TUTORIAL.replace("total = 1 + 1", "total = 1 / 0")
    done = made(broken, tmp_path)
    assert done.returncode != 0
    line = broken.splitlines().index("total = 1 / 0") + 1
    assert f'plot_1_it.py", line {line}' in done.stderr
    assert "ZeroDivisionError" in done.stderr
