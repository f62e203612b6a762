"""Engines for parallel parts of a study: this process, or a Ray cluster."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch

from captum_rectgrad.errors import RectGradError

WORKER_THREADS = 1  # for each worker of a cluster


@dataclass(frozen=True)
class Cluster:
    """A Ray cluster.

    Attributes:
        address: address for `ray.init`; None: the cluster in `RAY_ADDRESS`, or else a local one.
        device: device of the workers; this process may have no such device.
    """

    address: str | None = None
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))


def require_ray() -> None:
    """Check that Ray is installed, before a long computation.

    Raises:
        RectGradError: Ray is not installed.
    """
    try:
        import ray  # noqa: F401, PLC0415 (optional)
    except ModuleNotFoundError as error:
        raise RectGradError(
            "--engine ray needs Ray: pip install 'captum-rectgrad[cluster]'"
        ) from error


@contextmanager
def session(cluster: Cluster | None) -> Iterator[None]:
    """Stay connected to a cluster, instead of connecting for every part of the work.

    Args:
        cluster: the cluster; None: nothing is done.

    Raises:
        RectGradError: Ray is not installed, or the cluster lacks the workers' device.
    """
    if cluster is None:
        yield
        return
    require_ray()
    from captum_rectgrad.studies.compute.cluster import connected  # noqa: PLC0415 (needs Ray)

    with connected(cluster):
        yield
