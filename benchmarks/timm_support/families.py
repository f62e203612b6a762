"""timm's families, and the smallest member of each, remembered in a table.

`python -m benchmarks.timm_support.families` makes the table once more.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import timm
import torch
from tqdm import tqdm

from benchmarks.timm_support.models import create

TABLE = Path(__file__).with_name("members.json")
MOST_PARAMETERS = 200_000_000
SIZES = range(64, 1025, 16)


@dataclass(frozen=True)
class Member:
    """The member of a family that stands for it.

    Attributes:
        family: the module of timm that defines it.
        model: its name.
        parameters: their number, with the head for 1000 classes or what timm gives it.
        size: height and width of its input, in pixels; 0 where it has too many parameters to run.
    """

    family: str
    model: str
    parameters: int
    size: int


def members() -> list[Member]:
    """Those of the table, by family."""
    return [Member(**row) for row in json.loads(TABLE.read_text())]


def families() -> list[str]:
    """Those of timm itself: others, our zoo for one, put models of theirs into its registry."""
    return [name for name in timm.list_modules() if hasattr(timm.models, name)]


def choose() -> None:
    """Make the table: in each family the fewest parameters, on the smallest input it takes."""
    rows = [asdict(smallest(family)) for family in tqdm(families(), unit="family")]
    TABLE.write_text("[\n" + ",\n".join(f"  {json.dumps(row)}" for row in rows) + "\n]\n")


def smallest(family: str) -> Member:
    """Look for the member with the fewest parameters, and the smallest input it takes.

    Args:
        family: a module of timm.
    """
    parameters, model = min((_parameters(name), name) for name in timm.list_models(module=family))
    size = 0 if parameters > MOST_PARAMETERS else _least_size(model, SIZES)
    return Member(family, model, parameters, size)


def _parameters(model: str) -> int:
    with torch.device("meta"):
        return sum(p.numel() for p in timm.create_model(model).parameters())


def _least_size(model: str, sizes: Iterable[int]) -> int:
    """The least of some sizes at which a forward pass ends well."""
    for size in sizes:
        try:
            with torch.no_grad():
                create(model, size)(torch.zeros(1, 3, size, size))
        # Whatever a model raises at an input that does not suit it: assertions, sizes, indices.
        except Exception:  # noqa: BLE001, S112
            continue
        return size
    raise ValueError(f"{model} takes no input of {min(sizes)} to {max(sizes)} pixels")


if __name__ == "__main__":
    choose()
