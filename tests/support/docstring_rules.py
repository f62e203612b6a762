"""What a docstring of the public API has to say, in Google's style.

Ruff's `D` rules ask for docstrings, and for the arguments where there is a section of them. Ruff's
`DOC` rules and pydoclint know the `raise` statements of a function's own body alone, so they refuse
errors of what it calls, and hold private functions to the same; interrogate counts docstrings.
None asks for shapes. So these rules are the project's own. `make lint` runs their tests, and
`make test` runs them once, with the other tests.
"""

import ast
import inspect
import re
import textwrap
import types
from collections.abc import Iterator, Mapping
from typing import Any

_PACKAGES = ("captum_rectgrad", "rectgrad_zoo")
_SECTION = re.compile(r"^(Args|Attributes|Returns|Yields|Raises|Warns|Examples):$", re.MULTILINE)
_ENTRY = re.compile(r"^    (\*{0,2}[\w.]+(?:, \w+)*)(?: \(.*\))?:", re.MULTILINE)
_SHAPE = re.compile(r"`\([^`]*\)`|\bshapes?\b|\bscalar\b")
_ELSEWHERE = re.compile(r"[Aa]rguments(?:\s+and\s+errors)?\s+as\s+(?:in|for)\s+`(\w+)`")


def sections(documented: object) -> Mapping[str, str]:
    """The sections of a docstring, by their headings; what is before them: an empty heading."""
    pieces = _SECTION.split(inspect.cleandoc(getattr(documented, "__doc__", None) or ""))
    return {"": pieces[0], **dict(zip(pieces[1::2], pieces[2::2], strict=True))}


def entries(section: str) -> dict[str, str]:
    """What a section says of each name."""
    pieces = _ENTRY.split(section)[1:]
    return {
        name.strip().lstrip("*"): text
        for names, text in zip(pieces[::2], pieces[1::2], strict=True)
        for name in names.split(",")
    }


def lacking(documented: Any, name: str) -> list[str]:
    """What a docstring of a function, a method, a class or a property does not say.

    Args:
        documented: it.
        name: what it is called in the answers.

    Returns:
        One line for each; empty: all is said.
    """
    if isinstance(documented, property):
        return [] if (documented.__doc__ or "").strip() else [f"{name}: no docstring"]
    said = sections(documented)
    if not said[""].strip():
        return [f"{name}: no docstring"]
    if isinstance(documented, type) and issubclass(documented, BaseException | Warning):
        return []
    if getattr(documented, "_is_protocol", False):  # it is never instantiated
        return []
    found = [*_arguments(documented, said), *_result(documented, said), *_errors(documented, said)]
    return [f"{name}: {text}" for text in found]


def _arguments(documented: Any, said: Mapping[str, str]) -> Iterator[str]:
    explained = entries(said.get("Args", "")) | entries(said.get("Attributes", ""))
    elsewhere = _ELSEWHERE.search(said[""])
    if elsewhere:
        other = getattr(inspect.getmodule(documented), elsewhere[1])
        explained = entries(sections(other).get("Args", "")) | explained
    for parameter in inspect.signature(documented).parameters.values():
        if parameter.name in ("self", "_") or (
            parameter.kind is parameter.VAR_KEYWORD and elsewhere
        ):
            continue
        text = explained.get(parameter.name)
        if text is None:
            yield f"argument {parameter.name!r} is not explained"
        elif _is_tensor(parameter.annotation) and not _SHAPE.search(text):
            yield f"argument {parameter.name!r} has no shape"


def _result(documented: Any, said: Mapping[str, str]) -> Iterator[str]:
    if isinstance(documented, type):
        return
    annotation = inspect.signature(documented).return_annotation
    if annotation in (None, "None"):
        return
    text = said.get("Returns", said.get("Yields"))
    if text is None:
        yield "what is returned is not explained"
    elif _is_tensor(annotation) and not _SHAPE.search(text):
        yield "what is returned has no shape"


def _errors(documented: Any, said: Mapping[str, str]) -> Iterator[str]:
    function = _body(documented)
    if function is None:
        return
    explained = entries(said.get("Raises", ""))
    elsewhere = _ELSEWHERE.search(said[""])
    if elsewhere:
        other = getattr(inspect.getmodule(documented), elsewhere[1])
        explained |= entries(sections(other).get("Raises", ""))
    tree = _parsed(function)
    for own in sorted(_raised(tree) - explained.keys()):
        yield f"the error {own} is not explained"
    if not explained:
        for called in _called(tree, function.__globals__):
            body = _body(called)
            if "Raises" in sections(called) or (body and _raised(_parsed(body))):
                yield f"no errors, but {called.__qualname__}, which it calls, has some"


def _body(documented: Any) -> types.FunctionType | None:
    """What runs when it is called; of a class how it is made, unless `dataclass` wrote that."""
    function = documented
    if isinstance(documented, type):
        function = vars(documented).get("__post_init__", documented.__init__)  # type: ignore[misc]
    function = inspect.unwrap(function)
    is_written = isinstance(function, types.FunctionType) and (
        function.__code__.co_filename != "<string>"
    )
    return function if is_written else None


def _parsed(function: types.FunctionType) -> ast.AST:
    return ast.parse(textwrap.dedent(inspect.getsource(function)))


def _raised(tree: ast.AST) -> set[str]:
    """Names of classes in `raise` statements; one that raises again what it caught names none."""
    thrown = [node.exc for node in ast.walk(tree) if isinstance(node, ast.Raise) and node.exc]
    named = [node.func if isinstance(node, ast.Call) else node for node in thrown]
    return {node.id for node in named if isinstance(node, ast.Name) and node.id[0].isupper()}


def _called(tree: ast.AST, names: Mapping[str, Any]) -> Iterator[Any]:
    """Functions and classes of the project that are called by name, or by class and name."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        found: Any = None
        if isinstance(node.func, ast.Name):
            found = names.get(node.func.id)
        elif isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
            found = getattr(names.get(node.func.value.id), node.func.attr, None)
        module = getattr(found, "__module__", None) or ""
        if callable(found) and module.partition(".")[0] in _PACKAGES:
            yield found


def _is_tensor(annotation: object) -> bool:
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    # What a function takes and gives is in its own type.
    return "Callable" not in text and ("Tensor" in text or "NDArray" in text)
