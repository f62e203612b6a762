"""Shell completion. Nothing here imports PyTorch, so that completion is fast."""

import importlib.util
import runpy
from pathlib import Path

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
    """Completions of a comma-separated list of method keys.

    Args:
        prefix: the typed text.

    Returns:
        The completions.
    """
    before, comma, last = prefix.rpartition(",")
    return [f"{before}{comma}{key}" for key in COMPARED if key.startswith(last)]


def complete_models(prefix: str, **_: object) -> list[str]:
    """Names of the zoo's checkpoints that can be loaded here.

    Args:
        prefix: the typed text.

    Returns:
        The completions.
    """
    # Any import from the zoo registers its architectures with timm, which imports PyTorch.
    found = importlib.util.find_spec("rectgrad_zoo")
    if found is None or found.origin is None:
        return []
    names: list[str] = runpy.run_path(str(Path(found.origin).with_name("registry.py")))["names"]()
    return [name for name in names if name.startswith(prefix)]
