"""One thread for each operation, and what a source distribution cannot test.

With tensors as small as those of tests more threads only wait for each other, the workers of
pytest-xdist share the cores already, and the bytes of a training depend on the number.
"""

import os
from collections.abc import Iterable
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]

os.environ["OMP_NUM_THREADS"] = "1"
torch.set_num_threads(1)


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    if all((ROOT / folder).is_dir() for folder in ("docs/results", "zoo/hub")):
        return
    lacking = pytest.mark.skip(reason="neither recorded results nor zoo/hub: no checkout")
    for item in items:
        if item.get_closest_marker("checkout"):
            item.add_marker(lacking)
