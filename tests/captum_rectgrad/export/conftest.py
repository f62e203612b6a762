"""Exports record operations, also those of `--perturb`: with this option nothing can be tested."""

import pytest


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    """Ignore the folder with simulated rounding errors."""
    return True if config.getoption("--perturb") is not None else None
