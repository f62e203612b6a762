"""bfloat16 only where the CPU has instructions for it, as the kernel lists them."""

import sys
from pathlib import Path

import pytest
import torch

from captum_rectgrad.studies.compute.precision import precision_of


@pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux says of the CPU")
def test_precision_matches_the_cpu_flags() -> None:
    flags = set(Path("/proc/cpuinfo").read_text(encoding="ascii").split())
    can = hasattr(torch.cpu, "get_capabilities") and flags & {"amx_bf16", "avx512_bf16"}
    assert precision_of(torch.device("cpu")) == ("bfloat16" if can else "float32")


@pytest.mark.skipif(torch.cuda.is_available(), reason="for a driver of a cluster, without a GPU")
def test_a_gpu_that_is_elsewhere() -> None:
    assert precision_of(torch.device("cuda")) == "float32"
