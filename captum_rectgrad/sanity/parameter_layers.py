"""The layers of a model that have parameters, in the order in which the forward pass calls them."""

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack

from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from captum_rectgrad.errors import RectGradError
from captum_rectgrad.sanity.logits import logits

ROOT = "(the model itself)"  # parameters that belong to no part of it


def parameter_layers(model: nn.Module, x: Tensor, *, once: bool = False) -> list[str]:
    """Names of the modules with parameters of their own, from the input to the output.

    A module with parametrisations (`torch.nn.utils.parametrize`) is one layer with them.

    Args:
        model: in eval mode.
        x: inputs to run it on, `(N, ...)`.
        once: leave out modules that are called several times.

    Returns:
        Names as in `model.named_modules()`, by their first call; modules that are not called are
        left out; `never_called` has them. Parameters of the model's own are `ROOT`.

    Raises:
        ValueError: the model cannot take the inputs.
        RectGradError: nothing that is called has parameters.
    """
    calls: Counter[str] = Counter()
    if next(model.parameters(), None) is None:
        raise RectGradError("the model has no parameters")
    with ExitStack() as hooks:
        for name, module in _with_parameters(model).items():
            hooks.callback(
                module.register_forward_pre_hook(lambda *_, name=name: calls.update([name])).remove
            )
        logits(model, x)
    if not calls:
        raise RectGradError("the model calls no layer that has parameters")
    return [name for name, count in calls.items() if count == 1 or not once]


def never_called(model: nn.Module, called: Sequence[str]) -> list[str]:
    """Modules with parameters of their own that the forward pass does not call.

    It may not use them at all, or hand their parameters to a function, as `nn.MultiheadAttention`
    does with its `out_proj`.

    Args:
        model: the model.
        called: all that `parameter_layers` gave.

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
    """Names of a module's tensors that are computed from parameters by a parametrisation.

    Args:
        module: any.

    Returns:
        Such as `["weight"]` for `torch.nn.utils.parametrizations.weight_norm(nn.Linear(2, 2))`.
    """
    if not is_parametrized(module):
        return []
    return [
        name
        for name, how in module.get_submodule("parametrizations").named_children()
        if next(how.parameters(), None) is not None
    ]


def chosen_layers(available: Sequence[str], wanted: Sequence[str] | None) -> list[str]:
    """Those layers that a user names.

    Args:
        available: all, in order.
        wanted: names; None: all.

    Returns:
        The wanted ones, in the order of `available`.

    Raises:
        ValueError: a name is not among them; the error lists what there is.
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
    """The module of a name that `parameter_layers` gave.

    Args:
        model: the model.
        layer: the name.

    Returns:
        The module; the model itself where parameters are its own.
    """
    return model if layer == ROOT else model.get_submodule(layer)
