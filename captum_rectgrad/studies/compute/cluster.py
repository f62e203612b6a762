"""Work as tasks of a Ray cluster; the one module, with `roar_kar.cluster`, that imports Ray.

Workers need the package and what it depends on, and no folder in common with this process: images
travel with the tasks, networks through Ray's object store. Each worker has one thread, so what it
computes may differ in its last digits from what a process with more computes.
"""

import copy
import logging
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import ray
import torch
from torch import Tensor, nn

from captum_rectgrad.errors import RectGradError
from captum_rectgrad.evaluation.methods import Method
from captum_rectgrad.studies.compute.engines import WORKER_THREADS, Cluster
from captum_rectgrad.studies.compute.maps import MapBatch, stream_maps

# A network of this size keeps a data-centre card busy for a part of the time only.
GPU_SHARE = 0.25
RETRIES = 5  # of a task whose worker, or whose machine, is lost
_AHEAD = 2  # tasks at a worker: one that it does, one that it finds when that is done


@contextmanager
def connected(cluster: Cluster) -> Iterator[None]:
    """Connect this process to a cluster, unless it is connected already.

    Args:
        cluster: which.

    Raises:
        RectGradError: no machine of it has a GPU, and the workers need one: the tasks would wait
            for ever.
    """
    before = ray.is_initialized()
    if not before:
        ray.init(cluster.address, logging_level=logging.WARNING, log_to_driver=False)
    try:
        if cluster.device.type == "cuda" and not ray.cluster_resources().get("GPU"):
            raise RectGradError(
                "the Ray cluster has no GPU: start it with one, or leave out --device cuda"
            )
        yield
    finally:
        if not before:
            ray.shutdown()


def task(function: Callable[..., Any], device: torch.device) -> Callable[..., Any]:
    """A function as a task, done again where its worker is lost.

    Args:
        function: of a module that workers can import.
        device: where its work is done; on CUDA each task takes a share of a GPU.

    Returns:
        From the same arguments, or references to them, to a reference to the result.
    """
    gpus = GPU_SHARE if device.type == "cuda" else 0
    remote = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=RETRIES)(_alone)
    return partial(remote.remote, function)


def result(reference: Any) -> Any:
    """The result of a task, which is waited for.

    Args:
        reference: to it.

    Returns:
        It.

    Raises:
        RectGradError: the task lost its worker more often than it is tried again. Whatever the task
            itself raised is raised here.
    """
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from error  # what was raised there, without Ray's words around it
    except ray.exceptions.RayError as error:
        raise RectGradError(
            f"the cluster lost a task, and {RETRIES} times again ({type(error).__name__}: {error})"
        ) from error


def maps_on_cluster(
    cluster: Cluster,
    method: Method,
    model: nn.Module,
    images: Tensor,
    targets: Tensor,
    *,
    batch_size: int,
    seed: int,
    final_percentile: float | None = None,
) -> Iterator[MapBatch]:
    """Attribute images on a cluster, a batch to a task: the same maps as `stream_maps` gives.

    Args:
        cluster: where.
        method: see `stream_maps`, as all that follow.
        model: wherever it is; it stays there.
        images: `(N, 3, H, W)`.
        targets: `(N,)`.
        batch_size: images of a task; a worker whose memory runs out halves them.
        seed: of what the method draws.
        final_percentile: of a baseline's map nothing below it is left.

    Yields:
        The maps, in order; no more than a few batches wait for their turn.

    Raises:
        NotAvailableError: the method would not be itself on this model.
        RectGradError: see `connected` and `result`.
    """
    with connected(cluster):
        attribute = task(_attribute, cluster.device)
        shared = ray.put(copy.deepcopy(model).cpu())
        at_once, waiting = _in_flight(cluster), deque[tuple[slice, Any]]()
        for start in range(0, len(images), batch_size):
            batch = slice(start, min(start + batch_size, len(images)))
            reference = attribute(
                method,
                shared,
                images[batch].cpu().clone(),  # of a view the whole would travel
                targets[batch].cpu().clone(),
                cluster.device,
                start,
                seed,
                final_percentile,
            )
            waiting.append((batch, reference))
            if len(waiting) == at_once:
                batch, reference = waiting.popleft()
                yield MapBatch(batch, result(reference))
        for batch, reference in waiting:
            yield MapBatch(batch, result(reference))


def _attribute(
    method: Method,
    model: nn.Module,
    images: Tensor,
    targets: Tensor,
    device: torch.device,
    start: int,
    seed: int,
    final_percentile: float | None,
) -> Tensor:
    """What a worker does: the maps of one batch."""
    found = stream_maps(
        method,
        model.to(device),
        images,
        targets,
        batch_size=len(images),
        seed=seed,
        final_percentile=final_percentile,
        start=start,
    )
    return torch.cat([batch.maps for batch in found])


def _alone(function: Callable[..., Any], *args: Any) -> Any:
    """Call a function with the number of threads that is recorded, whatever the environment."""
    torch.set_num_threads(WORKER_THREADS)
    return function(*args)


def _in_flight(cluster: Cluster) -> int:
    resources = ray.cluster_resources()
    workers = resources.get("CPU", 1)
    if cluster.device.type == "cuda":
        workers = min(workers, resources.get("GPU", 0) / GPU_SHARE)
    return _AHEAD * max(1, int(workers))
