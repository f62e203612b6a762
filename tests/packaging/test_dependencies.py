"""What the packages import is declared in pyproject.toml."""

import ast
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from tests.support.requirements import ROOT, names

PACKAGES = (ROOT / "captum_rectgrad", ROOT / "zoo/rectgrad_zoo")
# Files that are used with an extra only, and are imported where it is needed.
OF_EXTRAS = {
    "captum_rectgrad/app/layout.py": "app",
    "captum_rectgrad/app/responses.py": "app",
    "captum_rectgrad/export/attribution_graph.py": "onnx",
    "captum_rectgrad/export/graph_writer.py": "onnx",
    "captum_rectgrad/export/half_weights.py": "onnx",
    "captum_rectgrad/export/metadata.py": "onnx",
    "captum_rectgrad/export/translate.py": "onnx",
    "captum_rectgrad/studies/compute/cluster.py": "cluster",
    "captum_rectgrad/studies/roar_kar/cluster.py": "cluster",
}
# Imports in functions that turn the absence of an extra into an error with advice.
GUARDED = {
    "captum_rectgrad/app/server.py": "app",
    "captum_rectgrad/export/onnx_export.py": "onnx",
    "captum_rectgrad/export/onnx_map.py": "onnx",
    "captum_rectgrad/studies/compute/engines.py": "cluster",
    "zoo/rectgrad_zoo/architectures/efficientnet_lite.py": "imagenet",
    "zoo/rectgrad_zoo/architectures/transformers_classifier.py": "transformers",
}
# It comes with PyTorch on Linux with CUDA; `rules/fast_selection.py` does without it elsewhere.
WITH_TORCH = {
    "captum_rectgrad/rules/triton_kernels.py": {"triton"},
    "captum_rectgrad/rules/triton_selection.py": {"triton"},
}
INSTALLED = packages_distributions()


def imported(source: str, *, in_functions: bool) -> set[str]:
    """Top-level names of the third-party modules that a source imports."""
    found: set[str] = set()
    for node in _imports(ast.parse(source), in_functions=in_functions):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found - sys.stdlib_module_names - {folder.name for folder in PACKAGES}


def _imports(tree: ast.AST, *, in_functions: bool) -> Iterator[ast.Import | ast.ImportFrom]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif in_functions or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _imports(node, in_functions=in_functions)


def undeclared(source: str, file: str) -> set[str]:
    """The modules that a file imports and neither the dependencies nor its extra provide."""
    extra = OF_EXTRAS.get(file)
    found = _not_of(imported(source, in_functions=file not in GUARDED), extra)
    if file in GUARDED:
        found |= _not_of(imported(source, in_functions=True), GUARDED[file])
    return found - WITH_TORCH.get(file, set())


def _not_of(modules: set[str], extra: str | None) -> set[str]:
    declared = names(extra) if extra else names()
    return {
        module
        for module in modules
        # A module of an extra that is not installed has its distribution's name.
        if declared.isdisjoint(map(canonicalize_name, INSTALLED.get(module, [module])))
    }


def test_every_import_is_declared() -> None:
    missing = {
        file: found
        for folder in PACKAGES
        for path in sorted(folder.rglob("*.py"))
        if (found := undeclared(path.read_text("utf-8"), file := path.relative_to(ROOT).as_posix()))
    }
    assert not missing


def test_files_of_extras_exist_and_use_them() -> None:
    for file, extra in (OF_EXTRAS | GUARDED).items():
        modules = imported(Path(ROOT, file).read_text("utf-8"), in_functions=True)
        assert _not_of(modules, None), f"{file} imports nothing of the extra {extra}"


@pytest.mark.parametrize(
    ("file", "source", "expected"),
    [
        (
            "captum_rectgrad/evaluation/map_metrics.py",
            "import torch.nn, os\nfrom PIL import Image",
            set(),
        ),
        ("captum_rectgrad/evaluation/map_metrics.py", "from yaml import safe_load", {"yaml"}),
        ("captum_rectgrad/evaluation/map_metrics.py", "def draw():\n    import ray", {"ray"}),
        (
            "captum_rectgrad/evaluation/map_metrics.py",
            "from . import ray\nimport captum_rectgrad",
            set(),
        ),
        ("captum_rectgrad/studies/compute/cluster.py", "import ray, yaml", {"yaml"}),
        ("captum_rectgrad/studies/compute/engines.py", "def start():\n    import ray", set()),
        ("captum_rectgrad/studies/compute/engines.py", "import ray", {"ray"}),
    ],
)
def test_an_import_that_is_not_declared_is_found(
    file: str, source: str, expected: set[str]
) -> None:
    assert undeclared(source, file) == expected
