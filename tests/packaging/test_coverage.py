"""`make coverage` measures both packages, in all workers and what they start, with branches."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.requirements import ROOT

pytestmark = pytest.mark.slow
# Tests that take little time, and what they run; the last one's command runs in a fork of a server.
TESTS = (
    "tests/captum_rectgrad/rules/test_threshold.py",
    "tests/rectgrad_zoo/hub/test_names.py",
    "tests/rectgrad_zoo/hub/test_publishing.py::test_a_commit_that_is_refused_is_told",
)
MEASURED = (
    "captum_rectgrad/rules/threshold.py",
    "zoo/rectgrad_zoo/hub/names.py",
    "zoo/rectgrad_zoo/cli/hub.py",
)


def test_lines_and_branches_of_both_packages_are_measured(tmp_path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (recipe,) = re.findall(r"^coverage:.*\n\t\$\(BIN\)/python (.*)$", makefile, re.MULTILINE)
    (parallel,) = re.findall(r"^IN_PARALLEL := (.*)$", makefile, re.MULTILINE)
    command = recipe.replace("$(IN_PARALLEL)", parallel).replace("$(PYTEST_MARKS)", "not slow")
    run = [sys.executable, *shlex.split(command), "--cov-report=", *TESTS]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment = {**kept, "COVERAGE_FILE": str(tmp_path / "data")}
    for step in (
        run,
        [sys.executable, "-m", "coverage", "json", "-o", str(tmp_path / "report.json")],
    ):
        done = subprocess.run(
            step, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    files = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["files"]
    for path in MEASURED:
        assert files[path]["summary"]["covered_lines"] > 0
        assert files[path]["summary"]["covered_branches"] > 0
    # What no test imports is not left out of the sum.
    code = [*ROOT.glob("captum_rectgrad/**/*.py"), *ROOT.glob("zoo/rectgrad_zoo/**/*.py")]
    assert files.keys() == {path.relative_to(ROOT).as_posix() for path in code}
