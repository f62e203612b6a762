"""Everything that a call might leave changed."""

from typing import Any

import torch
from torch import Tensor, nn

HOOKS = ("hooks", "hooks_with_kwargs", "hooks_always_called")
State = dict[str, dict[Any, Any]]


def snapshot(model: nn.Module, x: Tensor) -> State:
    """What the model and the input are like, by kind.

    Args:
        model: any.
        x: the input.

    Returns:
        By kind, what `changed` compares.
    """
    modules = dict(model.named_modules())
    parameters = dict(model.named_parameters())
    return {
        # The modules themselves are held, and compared by identity: an id alone may be reused.
        "modules": {name: (m, getattr(m, "inplace", None)) for name, m in modules.items()},
        "module classes": {name: type(m) for name, m in modules.items()},
        "hooks": {m: _hooks(m) for m in modules.values()},
        "training flags": {m: m.training for m in modules.values()},
        # A method may write notes onto a module.
        "attributes": {m: sorted(vars(m)) for m in modules.values()},
        "weights": {name: _copy(value) for name, value in model.state_dict().items()},
        "p.requires_grad": {name: p.requires_grad for name, p in parameters.items()},
        "p.grad": {name: _copy(p.grad) for name, p in parameters.items()},
        "x": {"": _copy(x)},
        "x.grad": {"": _copy(x.grad)},
        "x.requires_grad": {"": x.requires_grad},
    }


def changed(before: State, after: State) -> list[str]:
    """The kinds in which two snapshots differ, of what is in both of them."""
    return [
        kind
        for kind, values in before.items()
        if not all(_same(values[key], after[kind][key]) for key in values.keys() & after[kind])
    ]


def _hooks(module: nn.Module) -> list[int]:
    return [len(hooks) for key, hooks in sorted(vars(module).items()) if key.endswith(HOOKS)]


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return torch.equal(a, b)
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(_same, a, b))
    return not isinstance(a, Tensor) and not isinstance(b, Tensor) and bool(a == b)


def _copy(value: Any) -> Any:
    # A quantized layer packs its weight and its bias into a tuple.
    if isinstance(value, tuple):
        return tuple(map(_copy, value))
    return value.detach().clone() if isinstance(value, Tensor) else value
