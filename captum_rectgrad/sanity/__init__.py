"""Sanity checks: whether a method's maps depend on what the model has learnt.

For any method of Captum's and any model: `randomisation` (Adebayo et al. 2018, "Sanity Checks for
Saliency Maps"), `class_sensitivity` and `image_recovery` (Nie et al. 2018), `random_labels`, and
`convergence` (Sixt, Granz and Landgraf 2020, "When Explanations Lie"). `check` and the command
`rectgrad check` run all of them.
"""

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from captum_rectgrad.sanity.attribution_task import AttributionTask
    from captum_rectgrad.sanity.check import CheckOptions, CheckReport, check
    from captum_rectgrad.sanity.class_sensitivity import class_sensitivity, other_classes
    from captum_rectgrad.sanity.convergence import Convergence, convergence
    from captum_rectgrad.sanity.findings import Finding
    from captum_rectgrad.sanity.image_recovery import image_recovery
    from captum_rectgrad.sanity.random_labels import random_labels
    from captum_rectgrad.sanity.randomisation import Randomisation, randomisation

# The module of each public name.
_MODULES = {
    "AttributionTask": "attribution_task",
    "CheckOptions": "check",
    "CheckReport": "check",
    "Convergence": "convergence",
    "Finding": "findings",
    "Randomisation": "randomisation",
    "check": "check",
    "class_sensitivity": "class_sensitivity",
    "convergence": "convergence",
    "image_recovery": "image_recovery",
    "other_classes": "class_sensitivity",
    "random_labels": "random_labels",
    "randomisation": "randomisation",
}

__all__ = [
    "AttributionTask",
    "CheckOptions",
    "CheckReport",
    "Convergence",
    "Finding",
    "Randomisation",
    "check",
    "class_sensitivity",
    "convergence",
    "image_recovery",
    "other_classes",
    "random_labels",
    "randomisation",
]


class _Package(ModuleType):
    """A package whose functions take precedence over its modules of the same name."""

    def __setattr__(self, name: str, value: object) -> None:
        """Set an attribute, except the module `check` in the place of the function `check`.

        The import system sets each imported module as an attribute of its package.
        """
        if not (name in _MODULES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    """Import a public name on first use: importing this package does not import PyTorch."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    """List the public names, including those not imported yet."""
    return list(__all__)
