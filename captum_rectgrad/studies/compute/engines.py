"""Who computes what a study can hand out in parts: this process, or a Ray cluster."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch

from captum_rectgrad.errors import RectGradError

WORKER_THREADS = 1  # of each worker of a cluster


@dataclass(frozen=True)
class Cluster:
    """A Ray cluster that work is handed out to.

    Attributes:
        address: as `ray.init` takes it; None: the cluster that `RAY_ADDRESS` names, or else one on
            this machine alone.
        device: where its workers' networks run; this process may lack such a device.
    """

    address: str | None = None
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))


def require_ray() -> None:
    """Find out whether Ray is installed, before anything takes long.

    Raises:
        RectGradError: it is not.
    """
    try:
        import ray  # noqa: F401, PLC0415 (optional)
    except ModuleNotFoundError as error:
        raise RectGradError(
            "--engine ray needs Ray: pip install 'captum-rectgrad[cluster]'"
        ) from error


@contextmanager
def session(cluster: Cluster | None) -> Iterator[None]:
    """Stay connected to a cluster, instead of once for every part of the work.

    Args:
        cluster: which; None: none is needed.

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
