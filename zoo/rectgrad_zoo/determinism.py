"""Deterministic computation: the same bytes in every run on one device."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.utils.deterministic


@contextmanager
def deterministic(device: torch.device, seed: int | None = None) -> Iterator[None]:
    """Compute deterministically inside this context. All settings are restored afterwards.

    Deterministic algorithms only, no TF32 in matrix products and convolutions, and no choice of
    cuDNN's algorithms by their running time. On a GPU this is slower, and an operation without a
    deterministic algorithm raises RuntimeError.

    Args:
        device: Device of the computation.
        seed: Seed of PyTorch's global generators, which are restored as well. None leaves them.
    """
    if device.type == "cuda":  # cuBLAS reads this variable at its start
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    enabled = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark
    memory: Any = torch.utils.deterministic  # its attribute is a property of the module
    filled = memory.fill_uninitialized_memory
    generators = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=generators, enabled=seed is not None):
        if seed is not None:
            torch.manual_seed(seed)
        try:
            torch.use_deterministic_algorithms(mode=True)
            # Nothing here reads memory that was not written; filling it takes time.
            memory.fill_uninitialized_memory = False
            matmul.allow_tf32 = cudnn.allow_tf32 = cudnn.benchmark = False
            yield
        finally:
            torch.use_deterministic_algorithms(enabled, warn_only=warn_only)
            memory.fill_uninitialized_memory = filled
            matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark = before
