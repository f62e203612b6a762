"""A tutorial is run again where it, or what it runs, changed, and not otherwise."""

from pathlib import Path

import pytest

from site_build import tutorial_cache
from site_build.tutorial_cache import fingerprint, kept


class Runs:
    """Counts its runs, and writes that number as the output."""

    def __init__(self, failure: str = "") -> None:
        self.number, self.failure = 0, failure

    def __call__(self, source: Path, folder: Path) -> str:
        self.number += 1
        (folder / f"{source.stem}.md").write_text(str(self.number), encoding="utf-8")
        return self.failure


@pytest.fixture
def tutorial(tmp_path: Path) -> Path:
    source = tmp_path / "plot_it.py"
    source.write_text("first", encoding="utf-8")
    return source


def test_only_what_changed_is_run(tutorial: Path, tmp_path: Path) -> None:
    runs, folder = Runs(), tmp_path / "kept"
    texts = []
    for content in ("first", "first", "second", "second"):
        tutorial.write_text(content, encoding="utf-8")
        place, failure = kept(tutorial, runs, folder)
        assert not failure
        texts.append((place / "plot_it.md").read_text("utf-8"))
    assert texts == ["1", "1", "2", "2"]
    assert len(list(folder.iterdir())) == 1, "the output of the older tutorial stays"


def test_a_changed_package_runs_it_again(
    tutorial: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, folder, package = Runs(), tmp_path / "kept", tmp_path / "package"
    package.mkdir()
    monkeypatch.setattr(tutorial_cache, "PACKAGES", [package])
    for content in ("x = 1", "x = 1", "x = 2"):
        (package / "module.py").write_text(content, encoding="utf-8")
        tutorial_cache._environment.cache_clear()
        kept(tutorial, runs, folder)
    tutorial_cache._environment.cache_clear()
    assert runs.number == 2


def test_a_failure_is_not_kept(tutorial: Path, tmp_path: Path) -> None:
    runs = Runs("it failed")
    for number in (1, 2):
        assert kept(tutorial, runs, tmp_path / "kept")[1] == "it failed"
        assert runs.number == number


def test_contents_do_not_run_into_each_other(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    hashes = set()
    for contents in (("xy", "z"), ("x", "yz")):
        first.write_text(contents[0], encoding="utf-8")
        second.write_text(contents[1], encoding="utf-8")
        hashes.add(fingerprint([first, second]))
    assert len(hashes) == 2
