"""What tests on a Ray cluster of several nodes on this machine have in common."""

import pytest

NODE = {"num_cpus": 1, "num_gpus": 0, "object_store_memory": 100 * 2**20}
RAY = [
    pytest.mark.slow,
    # Of Ray itself: sockets and processes of what it started, and what it will change.
    pytest.mark.filterwarnings(
        "ignore::ResourceWarning",
        "ignore::FutureWarning:ray",
        "ignore::DeprecationWarning:ray",
        "ignore::pytest.PytestUnraisableExceptionWarning",
    ),
]
