"""Whether a model is as it was: everything of it that an attribution might leave changed."""

from typing import Any

from torch import nn


def snapshot(model: nn.Module) -> list[Any]:
    """What can be compared with `==` before and after: the bits of every tensor among it.

    Args:
        model: on the CPU.
    """
    return [
        (
            name,
            module.training,
            sorted(vars(module)),
            [(key, len(value)) for key, value in sorted(vars(module).items()) if "hooks" in key],
            [_tensor(p) for p in module.parameters(recurse=False)],
            [_tensor(b) for b in module.buffers(recurse=False)],
        )
        for name, module in model.named_modules()
    ]


def _tensor(tensor: Any) -> tuple[Any, ...]:
    bits = tensor.detach().contiguous().numpy().tobytes()
    return (tensor.requires_grad, tensor.grad is None, tensor.dtype, hash(bits))
