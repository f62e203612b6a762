"""What the documentation says can be typed, and its numbers are those of the tests."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.integration.test_golden import NETS

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_python_in_the_readme_runs() -> None:
    namespace: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL):
        exec(compile(block, "README.md", "exec"), namespace)  # noqa: S102
    attributions, hidden, neuron = (namespace[key] for key in ("attributions", "hidden", "neuron"))
    assert attributions.shape == neuron.shape == (1, 3, 224, 224)
    assert [attribution.shape[-1] for attribution in hidden] == [28, 14, 7]
    for attribution in (attributions, neuron, *hidden):
        assert attribution.count_nonzero() > 0


def test_the_gallery_has_six_small_pictures() -> None:
    shown = re.findall(r"!\[[^\]]+\]\((docs/images/gallery/[^)]+)\)", README)
    drawn = list((ROOT / "docs" / "images" / "gallery").iterdir())
    assert sorted(ROOT / path for path in shown) == sorted(drawn)
    assert len(drawn) == 6
    assert sum(path.stat().st_size for path in drawn) < 1_000_000


@pytest.fixture
def float64() -> Iterator[None]:
    """What a page creates is of double precision, so that rounding changes none of its maps."""
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(default)


@pytest.mark.usefixtures("float64")
def test_python_in_the_pages_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # pages write files
    ran = 0
    for page in sorted((ROOT / "docs").rglob("*.md")):
        namespace: dict[str, Any] = {}
        for block in re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
            exec(compile(block, str(page), "exec"), namespace)  # noqa: S102
            ran += 1
    assert ran


def test_the_number_of_reference_maps() -> None:
    (count,) = re.findall(r"(\d+) maps of nine networks", README)
    assert int(count) == sum(NETS.values())
    method = (ROOT / "docs" / "method.md").read_text(encoding="utf-8")
    assert re.findall(r"compares (\d+) maps", method) == [count]
    assert len(NETS) == 9


@pytest.mark.checkout
def test_paths_in_the_documentation_exist() -> None:
    for page in (
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "zoo" / "README.md",
        *(ROOT / "docs").rglob("*.md"),
    ):
        text = page.read_text(encoding="utf-8")
        links = re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", text)
        for link, anchor in links:
            target = page.parent / link if link else page
            assert target.exists(), (page, link)
            assert not anchor or anchor in anchors(target), (page, link, anchor)


def anchors(page: Path) -> set[str]:
    """What its headings are called in links, by GitHub and by mkdocs."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}
