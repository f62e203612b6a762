"""The layers of a model with parameters, in the order of the forward pass."""

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack

from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from captum_rectgrad.errors import RectGradError
from captum_rectgrad.sanity.logits import logits

ROOT = "(the model itself)"  # parameters of the model that belong to no submodule


def parameter_layers(model: nn.Module, x: Tensor, *, once: bool = False) -> list[str]:
    """Names of the modules with parameters of their own, from the input to the output.

    A module with parametrisations (`torch.nn.utils.parametrize`) counts as one layer.

    Args:
        model: in eval mode.
        x: inputs for a forward pass, `(N, ...)`.
        once: whether to leave out modules that are called several times.

    Returns:
        Names as in `model.named_modules()`, ordered by first call. Modules that are not called are
        left out (see `never_called`). Parameters of the model itself are `ROOT`.

    Raises:
        ValueError: the model cannot take the inputs.
        RectGradError: no called module has parameters.
    """
    calls: Counter[str] = Counter()
    if next(model.parameters(), None) is None:
        raise RectGradError("the model has no parameters; the check needs layers with parameters")
    with ExitStack() as hooks:
        for name, module in _with_parameters(model).items():
            hooks.callback(
                module.register_forward_pre_hook(lambda *_, name=name: calls.update([name])).remove
            )
        logits(model, x)
    if not calls:
        raise RectGradError("the model calls no layer with parameters; expected at least one")
    return [name for name, count in calls.items() if count == 1 or not once]


def never_called(model: nn.Module, called: Sequence[str]) -> list[str]:
    """Modules with parameters of their own that the forward pass does not call.

    The model does not use them, or passes their parameters to a function, as
    `nn.MultiheadAttention` does with its `out_proj`.

    Args:
        model: the model.
        called: the result of `parameter_layers`.

    Returns:
        Names as in `model.named_modules()`.
    """
    return [name for name in _with_parameters(model) if name not in called]


def _with_parameters(model: nn.Module) -> dict[str, nn.Module]:
    parts = {
        part
        for module in model.modules()
        if is_parametrized(module)
        for part in module.get_submodule("parametrizations").modules()
    }
    return {
        name or ROOT: module
        for name, module in model.named_modules()
        if module not in parts
        and (parametrised(module) or next(module.parameters(recurse=False), None) is not None)
    }


def parametrised(module: nn.Module) -> list[str]:
    """Names of a module's tensors that a parametrisation computes from parameters.

    Args:
        module: any module.

    Returns:
        For example `["weight"]` for
        `torch.nn.utils.parametrizations.weight_norm(nn.Linear(2, 2))`.
    """
    if not is_parametrized(module):
        return []
    return [
        name
        for name, how in module.get_submodule("parametrizations").named_children()
        if next(how.parameters(), None) is not None
    ]


def chosen_layers(available: Sequence[str], wanted: Sequence[str] | None) -> list[str]:
    """The layers that a user chose.

    Args:
        available: names of all layers, in order.
        wanted: chosen names; None: all.

    Returns:
        The chosen names, in the order of `available`.

    Raises:
        ValueError: a name is not available; the error lists the available names.
    """
    if wanted is None:
        return list(available)
    unknown = [name for name in wanted if name not in available]
    if unknown:
        raise ValueError(
            f"the model has no layer with parameters named {', '.join(map(repr, unknown))}; "
            f"it has {', '.join(available)}"
        )
    return [name for name in available if name in set(wanted)]


def module_of(model: nn.Module, layer: str) -> nn.Module:
    """The module with a name from `parameter_layers`.

    Args:
        model: the model.
        layer: the name.

    Returns:
        The module; the model itself for `ROOT`.
    """
    return model if layer == ROOT else model.get_submodule(layer)
