"""Shell completion. Nothing here imports PyTorch, so that completion is fast."""

import importlib.util
import runpy
from pathlib import Path
from typing import Any

# The keys of `captum_rectgrad.evaluation.methods.methods()`, in order.
COMPARED = (
    "saliency",
    "gradient-input",
    "guided-bp",
    "smoothgrad",
    "integrated",
    "deeplift",
    "rectgrad",
    "rectgrad-prr",
    "random",
)
# Further methods of `rectgrad check`.
CHECKED_TOO = ("deconvnet", "nobias-rectgrad")


def complete_methods(prefix: str, **_: object) -> list[str]:
    """Completions of a comma-separated list of method keys, or of `all`.

    Args:
        prefix: the typed text.

    Returns:
        The completions.
    """
    before, comma, last = prefix.rpartition(",")
    keys = COMPARED if comma else (*COMPARED, "all")
    return [f"{before}{comma}{key}" for key in keys if key.startswith(last)]


def complete_models(prefix: str, **_: object) -> list[str]:
    """Names of the zoo's checkpoints that can be loaded here.

    Args:
        prefix: the typed text.

    Returns:
        The completions.
    """
    return [name for name in zoo_names() if name.startswith(prefix)]


def zoo_names() -> list[str]:
    """Names of the zoo's checkpoints that can be loaded here."""
    registry = _registry()
    return list(registry["names"]()) if registry else []


def all_zoo_names() -> list[str]:
    """Names of all checkpoints of the zoo; the zoo says why one cannot be loaded here."""
    return [row.name for row in _registry().get("CHECKPOINTS", ())]


def _registry() -> dict[str, Any]:
    # Any import from the zoo registers its architectures with timm, which imports PyTorch.
    found = importlib.util.find_spec("rectgrad_zoo")
    if found is None or found.origin is None:
        return {}
    return runpy.run_path(str(Path(found.origin).with_name("registry.py")))
