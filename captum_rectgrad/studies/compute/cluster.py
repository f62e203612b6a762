"""Tasks on a Ray cluster; only this module and `roar_kar.cluster` import Ray.

Workers need the package and its dependencies, but no shared folder: images are sent with the tasks,
networks through Ray's object store. Each worker has one thread, so its results may differ in the
last digits from those of a process with more threads.
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
from rectgrad_zoo.determinism import deterministic

# A network of this size uses only a part of a data-centre GPU.
GPU_SHARE = 0.25
RETRIES = 5  # of a task whose worker or machine is lost
_AHEAD = 2  # tasks per worker: one running and one queued


@contextmanager
def connected(cluster: Cluster) -> Iterator[None]:
    """Connect this process to a cluster, unless it is connected already.

    Args:
        cluster: the cluster.

    Raises:
        RectGradError: the workers need a GPU and the cluster has none, so tasks would wait forever.
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
    """A function as a Ray task, retried if its worker is lost.

    Args:
        function: a function of a module that workers can import.
        device: device of the computation; on CUDA each task uses a share of a GPU.

    Returns:
        A function of the same arguments, or references to them, that returns a reference to the
        result.
    """
    gpus = GPU_SHARE if device.type == "cuda" else 0
    remote = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=RETRIES)(_alone)
    return partial(remote.remote, function, device)


def result(reference: Any) -> Any:
    """Wait for the result of a task.

    Args:
        reference: reference to the result.

    Returns:
        The result.

    Raises:
        RectGradError: the task lost its worker at all retries. An error of the task itself is
            raised unchanged.
    """
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from error  # the task's error, without Ray's wrapper
    except ray.exceptions.RayError as error:
        raise RectGradError(
            f"the cluster lost a task and its {RETRIES} retries ({type(error).__name__}: {error})"
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
) -> Iterator[MapBatch]:
    """Attribute images on a cluster, one batch per task; the maps are those of `stream_maps`.

    Args:
        cluster: the cluster.
        method: see `stream_maps`, as for all other arguments.
        model: on any device; it is not moved.
        images: `(N, 3, H, W)`.
        targets: `(N,)`.
        batch_size: images per task; a worker halves them after an out-of-memory error.
        seed: seed of the method's random numbers.

    Yields:
        The maps, in order; only a few batches are buffered.

    Raises:
        MethodUnreliableError: the method is unreliable on this model.
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
                images[batch].cpu().clone(),  # a view would be sent with its whole storage
                targets[batch].cpu().clone(),
                cluster.device,
                start,
                seed,
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
) -> Tensor:
    """The work of a task: the maps of one batch."""
    found = stream_maps(
        method,
        model.to(device),
        images,
        targets,
        batch_size=len(images),
        seed=seed,
        start=start,
    )
    return torch.cat([batch.maps for batch in found])


def _alone(function: Callable[..., Any], device: torch.device, *args: Any) -> Any:
    """Call a function as a study does, independent of the environment of the worker."""
    torch.set_num_threads(WORKER_THREADS)
    with deterministic(device):
        return function(*args)


def _in_flight(cluster: Cluster) -> int:
    resources = ray.cluster_resources()
    workers = resources.get("CPU", 1)
    if cluster.device.type == "cuda":
        workers = min(workers, resources.get("GPU", 0) / GPU_SHARE)
    return _AHEAD * max(1, int(workers))
