"""What the documentation says can be typed, and its numbers are those of the tests."""

import doctest
import importlib
import re
from pathlib import Path

import pytest
import torch

from tests.integration.test_golden import NETS

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("block", re.findall(r"```python\n(.*?)```", README, re.DOTALL))
def test_python_in_the_readme_runs(block: str) -> None:
    namespace: dict[str, object] = {}
    exec(compile(block, "README.md", "exec"), namespace)  # noqa: S102
    attributions = namespace["attributions"]
    assert isinstance(attributions, torch.Tensor)
    assert attributions.shape == (1, 3, 224, 224)
    assert attributions.count_nonzero() > 0


def test_the_number_of_reference_maps() -> None:
    (count,) = re.findall(r"(\d+) maps of nine networks", README)
    assert int(count) == sum(NETS.values())
    assert len(NETS) == 9


def test_paths_in_the_documentation_exist() -> None:
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "zoo" / "README.md"):
        text = page.read_text(encoding="utf-8")
        links = re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
        for link in links:
            assert (page.parent / link).exists(), (page, link)


@pytest.mark.parametrize("module", ["rectgrad"])
@pytest.mark.filterwarnings("ignore:the map of sample")
def test_examples_in_docstrings(module: str) -> None:
    results = doctest.testmod(importlib.import_module(f"captum_rectgrad.{module}"))
    assert results.attempted > 5
    assert results.failed == 0
