"""The workflows and forms for GitHub, checked by its schemas and by linters for workflows."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from check_jsonschema import main as check_jsonschema
from click.testing import CliRunner

from tests.support.requirements import ROOT, project

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
FORMS = sorted(
    set((GITHUB / "ISSUE_TEMPLATE").glob("*.yml")) - {GITHUB / "ISSUE_TEMPLATE/config.yml"}
)
SCHEMAS = {
    "vendor.github-workflows": WORKFLOWS,
    "custom.github-workflows-require-timeout": WORKFLOWS,
    "vendor.github-issue-forms": FORMS,
    "vendor.github-issue-config": [GITHUB / "ISSUE_TEMPLATE/config.yml"],
    "vendor.dependabot": [GITHUB / "dependabot.yml"],
    "vendor.citation-file-format": [ROOT / "CITATION.cff"],
}
# What a linter finds in a workflow where the first is replaced by the second.
MISTAKES = {
    "check-jsonschema": ("runs-on: ubuntu-latest", "run-on: ubuntu-latest"),
    "zizmor": ("permissions:\n  contents: read\n", "permissions: write-all\n"),
    "actionlint": ("matrix.python }}", "matrix.pyhton }}"),
}


def jobs(workflow: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(workflow.read_text("utf-8"))["jobs"]
    return found


def lint(tool: str, *files: Path, schema: str = "vendor.github-workflows") -> tuple[int, str]:
    """The exit status of a linter and what it says."""
    if tool == "check-jsonschema":  # in this process: its imports take longer than its work
        result = CliRunner().invoke(
            check_jsonschema, ["--builtin-schema", schema, *map(str, files)]
        )
        return result.exit_code, result.output
    beside = str(Path(sys.executable).parent)
    program = shutil.which(tool, path=os.pathsep.join([beside, os.environ["PATH"]]))
    if program is None:
        # Its package fetches the program from GitHub while it is installed, so it is in no extra.
        assert tool == "actionlint", f"{tool} is missing: it is in the extra `dev`"
        pytest.skip("no actionlint")
    options = ["--offline", "--no-progress"] if tool == "zizmor" else []
    done = subprocess.run(
        [program, *options, *map(str, files)], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("schema", SCHEMAS)
def test_they_are_valid_by_the_schema(schema: str) -> None:
    assert SCHEMAS[schema]
    status, said = lint("check-jsonschema", *SCHEMAS[schema], schema=schema)
    assert status == 0, said


@pytest.mark.parametrize("tool", ["zizmor", "actionlint"])
def test_the_linter_finds_nothing_in_the_workflows(tool: str) -> None:
    status, said = lint(tool, *WORKFLOWS)
    assert status == 0, said


@pytest.mark.parametrize("tool", MISTAKES)
def test_the_linter_finds_a_mistake(tool: str, tmp_path: Path) -> None:
    text = (GITHUB / "workflows/tests.yml").read_text("utf-8")
    assert MISTAKES[tool][0] in text
    wrong = tmp_path / ".github/workflows/tests.yml"
    wrong.parent.mkdir(parents=True)
    wrong.write_text(text.replace(*MISTAKES[tool]), encoding="utf-8")
    status, said = lint(tool, wrong)
    assert status != 0, said


def test_the_tests_run_on_the_pythons_of_the_classifiers() -> None:
    matrix = jobs(GITHUB / "workflows/tests.yml")["tests"]["strategy"]["matrix"]
    classifiers = " ; ".join(project()["classifiers"])
    assert matrix["python"] == re.findall(r"Python :: (3\.\d+)\b", classifiers)


def test_the_makefile_has_what_the_workflows_make() -> None:
    runs = "\n".join(workflow.read_text("utf-8") for workflow in WORKFLOWS)
    made = set(re.findall(r"\bmake ([\w-]+)", runs))
    assert {"coverage", "docs", "lint", "test-oldest"} <= made
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert made <= set(re.findall(r"^([\w-]+):", makefile, re.MULTILINE))


def test_the_job_that_publishes_has_the_only_right_to_more_than_reading() -> None:
    rights = []
    for workflow in WORKFLOWS:
        content = yaml.safe_load(workflow.read_text("utf-8"))
        assert content["permissions"] in ({}, {"contents": "read"})
        for name, job in content["jobs"].items():
            if job.get("permissions", {"contents": "read"}) != {"contents": "read"}:
                rights.append((workflow.name, name, job["permissions"], job["environment"]))
    assert rights == [("release.yml", "publish", {"id-token": "write"}, "pypi")]


def test_every_action_is_pinned_to_a_commit_of_a_named_version() -> None:
    for workflow in WORKFLOWS:
        used = re.findall(r"uses: ([^.\s].*)", workflow.read_text("utf-8"))
        assert used
        for action in used:
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action
