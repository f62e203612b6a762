"""What is only seen on a GPU. `RECTGRAD_DEVICE=cpu` runs the part that any device can run."""

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
import torch

from tests.captum_rectgrad.studies.conftest import context
from tests.captum_rectgrad.studies.roar_kar.conftest import ranks, work

__all__ = ["context", "ranks", "work"]  # fixtures


@pytest.fixture
def device() -> torch.device:
    """The device under test."""
    wanted = torch.device(os.environ.get("RECTGRAD_DEVICE", "cuda"))
    if wanted.type == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA here")
    return wanted


@pytest.fixture
def cuda(device: torch.device) -> torch.device:
    """The device, which must be a GPU."""
    if device.type != "cuda":
        pytest.skip("for CUDA alone")
    return device


@pytest.fixture
def synchronisations() -> Callable[[], AbstractContextManager[list[str]]]:
    """A context that collects what waits for the GPU."""

    @contextmanager
    def collected() -> Iterator[list[str]]:
        found: list[str] = []
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            torch.cuda.set_sync_debug_mode("warn")
            try:
                yield found
            finally:
                torch.cuda.set_sync_debug_mode("default")
        messages = (str(warning.message) for warning in warned)
        found.extend(message for message in messages if "synchronizing CUDA" in message)

    return collected
