"""What the shell completes. Nothing here imports PyTorch, so completion does not wait for it."""

import importlib.util
import runpy
from pathlib import Path

# Of `captum_rectgrad.evaluation.methods.methods()`, in its order.
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
# What `rectgrad check` knows beside them.
CHECKED_TOO = ("deconvnet", "nobias-rectgrad")


def complete_methods(prefix: str, **_: object) -> list[str]:
    """A list of keys with commas between, of which the last is begun; for shell completion.

    Args:
        prefix: what is typed.

    Returns:
        What it may become.
    """
    before, comma, last = prefix.rpartition(",")
    return [f"{before}{comma}{key}" for key in COMPARED if key.startswith(last)]


def complete_models(prefix: str, **_: object) -> list[str]:
    """Names of the zoo's checkpoints.

    Args:
        prefix: what is typed.

    Returns:
        What it may become.
    """
    # Importing anything of the zoo registers its architectures with timm, which imports PyTorch.
    found = importlib.util.find_spec("rectgrad_zoo")
    if found is None or found.origin is None:
        return []
    names: list[str] = runpy.run_path(str(Path(found.origin).with_name("registry.py")))["names"]()
    return [name for name in names if name.startswith(prefix)]
