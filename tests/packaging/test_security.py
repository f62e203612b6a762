"""What SECURITY.md says of the zoo's files and hashes is so."""

import re

from rectgrad_zoo import registry
from rectgrad_zoo.checkpoint import FILES
from tests.support.requirements import ROOT

TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")


def test_the_files_that_are_asked_for_are_named() -> None:
    (said,) = re.findall(r"by their five names: (.*?)\. Code", TEXT, re.DOTALL)
    assert sorted(re.findall(r"`([^`]+)`", said)) == sorted(FILES)


def test_all_hashes_are_pinned_but_those_of_timms_three_networks() -> None:
    assert "The three networks of timm in the zoo's table have no hash pinned" in TEXT
    unpinned = [row.repo for row in registry.CHECKPOINTS if row.sha256 is None]
    assert len(unpinned) == 3
    assert all(repo is not None and repo.startswith("timm/") for repo in unpinned)


def test_no_commit_is_pinned_before_the_repositories_are_published() -> None:
    said = "None does until the project's repositories are published" in TEXT
    assert said == all(row.revision is None for row in registry.CHECKPOINTS)
