"""Precision of trainings: bfloat16 if the device supports it."""

from typing import Literal, TypeAlias

import torch

Precision: TypeAlias = Literal["float32", "bfloat16"]


def precision_of(device: torch.device) -> Precision:
    """Precision of convolutions and dense layers; weights and updates are always float32.

    Args:
        device: device of the trainings. A GPU that this process cannot access, as on a cluster, is
            assumed to support bfloat16.

    Returns:
        `"bfloat16"` on NVIDIA GPUs since Ampere, and on CPUs with AMX or AVX-512 instructions for
        it if PyTorch (2.10 or later) detects them.
    """
    if device.type == "cuda":
        seen = torch.cuda.is_available()
        ampere = not seen or torch.cuda.is_bf16_supported(including_emulation=False)
        return "bfloat16" if ampere else "float32"
    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    has = capabilities.get("amx_bf16") or capabilities.get("avx512_bf16")
    return "bfloat16" if has else "float32"
