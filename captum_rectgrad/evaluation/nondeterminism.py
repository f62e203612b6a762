"""Permission for operations that are not deterministic, where the rest of a computation is."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def nondeterminism_allowed(operations: str = "") -> Iterator[None]:
    """Let operations run for which PyTorch has no deterministic algorithm, and would refuse.

    Nothing changes where PyTorch's deterministic algorithms are not enabled.

    Args:
        operations: regular expression of their names in PyTorch's warnings, which are not shown.
    """
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=f".*{operations}.*deterministic")
        torch.use_deterministic_algorithms(
            torch.are_deterministic_algorithms_enabled(), warn_only=True
        )
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(
                torch.are_deterministic_algorithms_enabled(), warn_only=warn_only
            )
