"""The public API: what users may call, and what the site's reference shows."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from typing import Any

import captum_rectgrad
import captum_rectgrad.sanity
import captum_rectgrad.targets
import rectgrad_zoo

_PACKAGES = ("captum_rectgrad", "rectgrad_zoo")
# Of a command, not of Python.
_COMMANDS = {"arguments", "cli"}


def public() -> dict[str, Any]:
    """Everything public, by its full name: of both packages and the checks, and their methods."""
    found: dict[str, Any] = {}
    for package in (captum_rectgrad, rectgrad_zoo):
        found |= {f"{package.__name__}.{name}": getattr(package, name) for name in package.__all__}
    for name in captum_rectgrad.targets.__all__:
        found[f"captum_rectgrad.targets.{name}"] = getattr(captum_rectgrad.targets, name)
    for name, thing in _of_the_checks():
        found[name] = thing
    classes = {name: thing for name, thing in found.items() if isinstance(thing, type)}
    for name, owner in classes.items():
        found |= {f"{name}.{member}": thing for member, thing in _members(owner)}
    return found


def modules() -> Iterator[str]:
    """The names of all modules of the two packages."""
    for name in _PACKAGES:
        package = importlib.import_module(name)
        yield name
        yield from (found.name for found in pkgutil.walk_packages(package.__path__, f"{name}."))


def _of_the_checks() -> Iterator[tuple[str, Any]]:
    for found in pkgutil.iter_modules(captum_rectgrad.sanity.__path__):
        if found.name in _COMMANDS:
            continue
        module = importlib.import_module(f"captum_rectgrad.sanity.{found.name}")
        for name, thing in vars(module).items():
            own = getattr(thing, "__module__", None) == module.__name__
            kind = inspect.isfunction(thing) or isinstance(thing, type)
            if own and kind and not name.startswith("_"):
                yield f"{module.__name__}.{name}", thing


def _members(owner: type) -> Iterator[tuple[str, Any]]:
    for name, thing in inspect.getmembers(owner):
        if name.startswith("_"):
            continue
        function = thing.fget if isinstance(thing, property) else thing
        module = getattr(function, "__module__", None) or ""
        if (inspect.isfunction(function) or isinstance(thing, property)) and module.startswith(
            _PACKAGES
        ):
            yield name, thing
