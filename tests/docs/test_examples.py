"""Examples in docstrings run as they stand, in every module that has some."""

import doctest
import importlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.public import modules, public


def with_examples() -> Iterator[str]:
    for name in modules():
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        if ">>> " in Path(spec.origin).read_text(encoding="utf-8"):
            yield name


@pytest.mark.parametrize("name", list(with_examples()))
@pytest.mark.filterwarnings("ignore:attribution of sample")
def test_examples_in_docstrings(name: str) -> None:
    results = doctest.testmod(importlib.import_module(name))
    assert results.attempted
    assert not results.failed


def test_every_method_and_function_of_the_packages_has_an_example() -> None:
    finder = doctest.DocTestFinder()
    own = {name: thing for name, thing in public().items() if name.count(".") == 1}
    no_errors = {
        name: thing
        for name, thing in own.items()
        if not (isinstance(thing, type) and issubclass(thing, Exception))
    }
    without = [
        name
        for name, thing in no_errors.items()
        if not any(test.examples for test in finder.find(thing, name))
    ]
    # Records that are given, not made.
    assert without == [
        "captum_rectgrad.LayerStatistics",
        "rectgrad_zoo.CheckpointInfo",
        "rectgrad_zoo.ModelProvenance",
    ]
