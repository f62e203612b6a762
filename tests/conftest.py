"""Threads, Triton's interpreter, the order of the tests, and what an sdist cannot test.

An operation has one thread, or as many as `OMP_NUM_THREADS` says. With tensors as small as those of
tests more threads only wait for each other, the workers of pytest-xdist share the cores already,
and the bytes of a training depend on the number.
"""

import os
from pathlib import Path

import pytest
import torch

pytest_plugins = ("tests.support.browser", "tests.support.fuzzing", "tests.support.perturbation")

ROOT = Path(__file__).resolve().parents[1]

# A list has a number for each level of nesting.
THREADS = os.environ.setdefault("OMP_NUM_THREADS", "1").partition(",")[0]
# Triton reads this when it is imported. Its kernels then run on the CPU, slowly.
if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")
# PyTorch itself takes no more threads than there are cores.
torch.set_num_threads(int(THREADS))


# The files that take longest, slowest first. pytest-xdist hands files out in this order, so that no
# slow one is left for the end.
SLOWEST = (
    "captum_rectgrad/studies/report/test_run_studies.py",
    "captum_rectgrad/cli/test_check.py",
    "captum_rectgrad/studies/roar_kar/test_stacked_training.py",
    "docs/test_pages.py",
    "captum_rectgrad/studies/kim2019/test_threshold_sweep.py",
    "captum_rectgrad/properties/test_afterwards.py",
    "captum_rectgrad/studies/data/test_photographs.py",
    "rectgrad_zoo/training/test_build_checkpoint.py",
    "captum_rectgrad/studies/nie2018/test_supplement.py",
    "captum_rectgrad/evaluation/test_methods.py",
    "captum_rectgrad/cli/test_startup.py",
    "integration/test_quantus.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the slowest files first, and skip what a source distribution cannot test."""
    rank = {ROOT / "tests" / file: place for place, file in enumerate(SLOWEST)}
    missing = [str(file) for file in rank if not file.is_file()]
    if missing:
        raise pytest.UsageError(f"SLOWEST in tests/conftest.py names {missing}, which do not exist")
    items.sort(key=lambda item: rank.get(item.path, len(rank)))
    if all((ROOT / folder).is_dir() for folder in ("docs/results", "zoo/hub")):
        return
    lacking = pytest.mark.skip(reason="neither recorded results nor zoo/hub: no checkout")
    for item in items:
        if item.get_closest_marker("checkout"):
            item.add_marker(lacking)
