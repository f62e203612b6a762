"""The recipe for conda requires what pyproject.toml requires, under conda-forge's names."""

from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from captum_rectgrad import __version__
from tests.support.requirements import ROOT, project, pyproject

FILE = ROOT / "conda/recipe.yaml"
RECIPE: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
# conda-forge's names where they are others than PyPI's.
RENAMED = {
    "huggingface-hub": "huggingface_hub",
    "matplotlib": "matplotlib-base",
    "torch": "pytorch",
    "typing-extensions": "typing_extensions",
}


def filled_in(line: str) -> str:
    """A line of the recipe with the values of its context."""
    for name, value in RECIPE["context"].items():
        line = line.replace(f"${{{{ {name} }}}}", value)
    return line


def parsed(lines: list[str]) -> dict[str, SpecifierSet]:
    """Names and bounds."""
    pairs = (filled_in(line).partition(" ") for line in lines)
    return {name: SpecifierSet(bounds) for name, _, bounds in pairs}


def expected(lines: list[str]) -> dict[str, SpecifierSet]:
    """What conda-forge calls the requirements of pyproject.toml."""
    found = {}
    for requirement in map(Requirement, lines):
        name = canonicalize_name(requirement.name)
        found[RENAMED.get(name, name)] = requirement.specifier
    return found


def test_it_requires_what_pyproject_does() -> None:
    table = project()
    python = {"python": SpecifierSet(table["requires-python"])}
    assert parsed(RECIPE["requirements"]["run"]) == python | expected(table["dependencies"])
    host = parsed(RECIPE["requirements"]["host"][1:])  # without Python's own line
    assert host == {"pip": SpecifierSet()} | expected(pyproject()["build-system"]["requires"])


def test_it_says_what_pyproject_says() -> None:
    table, about = project(), RECIPE["about"]
    assert RECIPE["context"]["name"] == table["name"]
    assert RECIPE["context"]["version"] == __version__
    assert f">={RECIPE['context']['python_min']}" == table["requires-python"]
    assert about["summary"] == table["description"]
    assert about["license"] == table["license"]
    assert about["repository"] == about["homepage"] == table["urls"]["Repository"]
    ((command, function),) = table["scripts"].items()
    assert RECIPE["build"]["python"]["entry_points"] == [f"{command} = {function}"]


@pytest.mark.slow
def test_rattler_build_renders_it() -> None:
    rattler_build = pytest.importorskip("rattler_build", reason="the extra `release` is not there")
    recipe = rattler_build.Stage0Recipe.from_file(FILE)
    (variant,) = recipe.render(rattler_build.VariantConfig(), rattler_build.RenderConfig())
    rendered = variant.recipe.to_dict()
    assert rendered["package"] == {"name": "captum-rectgrad", "version": __version__}
    assert parsed(rendered["requirements"]["run"]) == parsed(RECIPE["requirements"]["run"])
    (python, _) = rendered["tests"]
    assert python["python"]["imports"] == ["captum_rectgrad", "rectgrad_zoo"]
