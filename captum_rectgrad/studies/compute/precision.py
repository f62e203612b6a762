"""What the trainings compute in: bfloat16, where the device has instructions for it."""

from typing import Literal, TypeAlias

import torch

Precision: TypeAlias = Literal["float32", "bfloat16"]


def precision_of(device: torch.device) -> Precision:
    """What convolutions and dense layers compute in; weights and updates are float32 always.

    Args:
        device: where the trainings run. Of a GPU that this process does not see, as on a cluster,
            it is taken that it computes in bfloat16.

    Returns:
        `"bfloat16"` on a GPU since NVIDIA's Ampere and on a CPU with AMX or AVX-512 instructions
        for it, where PyTorch (2.10 or later) can tell.
    """
    if device.type == "cuda":
        seen = torch.cuda.is_available()
        ampere = not seen or torch.cuda.is_bf16_supported(including_emulation=False)
        return "bfloat16" if ampere else "float32"
    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    has = capabilities.get("amx_bf16") or capabilities.get("avx512_bf16")
    return "bfloat16" if has else "float32"
