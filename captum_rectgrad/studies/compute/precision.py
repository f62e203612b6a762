"""Default precision of trainings."""

from typing import Literal, TypeAlias

import torch

Precision: TypeAlias = Literal["float32", "bfloat16"]


def precision_of(device: torch.device) -> Precision:
    """Precision of convolutions and dense layers; weights and updates are always float32.

    Args:
        device: device of the trainings.

    Returns:
        `"bfloat16"` on CPUs with AMX or AVX-512 instructions for it if PyTorch (2.10 or later)
        detects them. `"float32"` on GPUs: the difference of the accuracies there is not shown to be
        within half a percentage point (`benchmarks/results/training-accuracy-gpu.md`).
    """
    if device.type == "cuda":
        return "float32"
    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    has = capabilities.get("amx_bf16") or capabilities.get("avx512_bf16")
    return "bfloat16" if has else "float32"
