"""Every tutorial runs by itself, offline, without a warning; what it points to exists."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TUTORIALS = Path(__file__).resolve().parents[2] / "docs" / "tutorials"
FILES = sorted(TUTORIALS.glob("plot_*.py"))
# As a page is run: all figures stay open, and are counted at the end.
RUN = """
import runpy, sys
import matplotlib.pyplot as plt
runpy.run_path(sys.argv[1], run_name="__main__")
assert all(plt.figure(number).get_label() for number in plt.get_fignums()), "a figure has no name"
print(len(plt.get_fignums()), "figures")
"""


def test_all_seven_are_there() -> None:
    assert [file.name.split("_")[1] for file in FILES] == list("1234567")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_tutorial_is_a_page(file: Path) -> None:
    source = file.read_text(encoding="utf-8")
    page = ast.get_docstring(ast.parse(source)) or ""
    assert page.startswith("# ")
    text = page + "\n".join(line for line in source.splitlines() if line.startswith("#"))
    assert "\n# ## " in source
    for link in re.findall(r"\]\((?!https?:)([^)#]+)\)", text.replace("\n# ", " ")):
        assert (TUTORIALS / link).exists(), link


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_tutorial_runs(file: Path, tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    environment = {
        **os.environ,
        "MPLBACKEND": "agg",
        "HF_HUB_OFFLINE": "1",
        "TORCH_HOME": str(tmp_path / "torch"),
        "TMPDIR": str(tmp_path),
    }
    environment.pop("DISPLAY", None)  # with one, agg says that it cannot show a figure
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", RUN, str(file)],
        cwd=here,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    figures = int(done.stdout.splitlines()[-1].split()[0])
    assert figures >= file.read_text(encoding="utf-8").count("plt.show()\n") > 0
    assert not list(here.iterdir())  # a page leaves nothing where it is run
