"""Peak memory of one attribution, each in a process of its own."""

import multiprocessing
import resource
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor

import torch

from benchmarks.attribution.cases import Case
from benchmarks.attribution.methods import METHODS

_KIB = 1 if sys.platform == "darwin" else 1024  # the unit that a process's maximum is told in


def peak(case: Case, key: str, device: torch.device) -> int | None:
    """The most memory that a process has had after two attributions.

    Args:
        case: network and batch.
        key: of the method.
        device: where.

    Returns:
        Bytes: on the CPU the maximum resident set of a fresh process, the libraries in it; on a
        GPU the maximum of the allocator. None: the method cannot serve the network.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_peak, case, key, device, torch.get_num_threads()).result()


def _peak(case: Case, key: str, device: torch.device, threads: int) -> int | None:
    torch.set_num_threads(threads)
    (method,) = (method for method in METHODS if method.key == key)
    model, images = case.model(device), case.images(device)
    target = torch.zeros(case.batch, dtype=torch.long, device=device)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            for _ in range(2):
                method.made(model)(images, target)
        except (RuntimeError, AssertionError, ValueError):
            return None
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIB
