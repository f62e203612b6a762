"""Peak memory of attributions, each in a separate process."""

import multiprocessing
import re
import resource
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch

from benchmarks.attribution.cases import Case
from benchmarks.attribution.methods import METHODS


def peak(case: Case, key: str, device: torch.device) -> int | None:
    """The peak memory of a process after two attributions.

    Args:
        case: network and batch.
        key: key of the method.
        device: device of the attribution.

    Returns:
        Bytes: on the CPU, the maximum resident set of a new process, including libraries; on a GPU,
        the maximum of the allocator. None if the method does not support the network.
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
    return _most_resident()


def _most_resident() -> int:
    """The maximum resident set of this process, in bytes."""
    # Linux hands `ru_maxrss` down from the process that started this one, which may have had more.
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # macOS: in bytes
    (kib,) = re.findall(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="ascii"))
    return int(kib) * 1024
