"""Everything of a model and its surroundings that a call might leave changed."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as global_hooks
from torch.overrides import _get_current_function_mode_stack
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack


class Same:
    """Equal to nothing but the very same object, which it keeps alive."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)

    def __repr__(self) -> str:
        return f"<{type(self.value).__name__} at {id(self.value):#x}>"


def snapshot(model: nn.Module) -> dict[str, Any]:
    """Comparable with one taken later: equal if nothing is changed."""
    state: dict[str, Any] = {"global": _surroundings()}
    for name, module in model.named_modules():
        state[name] = (type(module), dict(_attributes(vars(module))))
    tensors = [*model.named_parameters(), *model.named_buffers()]
    state["tensors"] = {name: _tensor(tensor) for name, tensor in tensors}
    return state


def _surroundings() -> list[Any]:
    return [
        {key: _value(hooks) for key, hooks in vars(global_hooks).items() if "hooks" in key},
        [Same(mode) for mode in _get_current_function_mode_stack()],
        [Same(mode) for mode in _get_current_dispatch_mode_stack()],
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
    ]


def _attributes(attributes: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in attributes.items():
        yield name, _value(value)


def _value(value: Any) -> Any:
    if isinstance(value, bool | int | float | str):
        return value
    # Hooks and submodules: the same ones, in the same order.
    if isinstance(value, dict):
        return [(key, Same(item)) for key, item in value.items()]
    return Same(value)


def _tensor(tensor: Tensor) -> list[Any]:
    grad = tensor.grad
    return [
        tensor.detach().clone().tolist(),
        tensor._version,
        tensor.requires_grad,
        Same(grad),
        None if grad is None else (grad.tolist(), grad._version),
        dict(_attributes(vars(tensor))),
        _value(tensor._backward_hooks or {}),
    ]
