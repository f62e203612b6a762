"""What SECURITY.md says of the zoo's files and hashes is so."""

import re

import pytest

from rectgrad_zoo import registry
from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.hub.cache import DOWNLOADED
from rectgrad_zoo.limits import HUB_SECONDS, HUB_WAIT, MOST_BYTES, limit
from tests.support.requirements import ROOT

TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")


def test_the_files_that_are_asked_for_are_named() -> None:
    (said,) = re.findall(r"by their six names: (.*?), of data sets", TEXT, re.DOTALL)
    assert sorted(re.findall(r"`([^`]+)`", said)) == sorted(DOWNLOADED)


@pytest.mark.parametrize("variable", [MOST_BYTES, HUB_SECONDS, HUB_WAIT])
def test_the_defaults_of_the_limits_are_those_of_the_page(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(variable, raising=False)
    page = (ROOT / "zoo/README.md").read_text(encoding="utf-8")
    (stated,) = re.findall(rf"\| `{variable}` \| (\d+)", page)
    assert limit(variable) == int(stated)
    monkeypatch.setenv(variable, "7.5")
    assert limit(variable) == 7.5
    for wrong in ("0", "-1", "nan", "inf", "an hour"):
        monkeypatch.setenv(variable, wrong)
        with pytest.raises(ZooError, match=f"{variable} is '{wrong}', expected a number above 0"):
            limit(variable)


def test_all_hashes_are_pinned_but_those_of_timms_three_networks() -> None:
    assert "The three networks of timm in the zoo's table have no hash pinned" in TEXT
    unpinned = [row.repo for row in registry.CHECKPOINTS if row.sha256 is None]
    assert len(unpinned) == 3
    assert all(repo is not None and repo.startswith("timm/") for repo in unpinned)


def test_no_commit_is_pinned_before_the_repositories_are_published() -> None:
    said = "None does until the project's repositories are published" in TEXT
    assert said == all(row.revision is None for row in registry.CHECKPOINTS)
