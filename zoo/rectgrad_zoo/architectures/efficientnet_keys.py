"""Weights that a repository of timm's keeps under their original names."""

import sys
from collections.abc import Callable, Mapping

from timm.models import model_entrypoint
from torch import Tensor, nn

# What timm calls, in the module of an architecture, the function that renames and reshapes.
_FILTERS = ("checkpoint_filter_fn", "_filter_fn")


def layout_filter(architecture: str) -> Callable[..., dict[str, Tensor]] | None:
    """What timm renames and reshapes an architecture's weights by; `None` if it never does.

    Args:
        architecture: Its name in timm.

    Returns:
        A function of a state dict and, but for older ones, the network.
    """
    module = vars(sys.modules[model_entrypoint(architecture).__module__])
    return next((module[name] for name in _FILTERS if name in module), None)


def as_timm_names_them(
    model: nn.Module, architecture: str, tensors: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Rename and reshape weights in their authors' layout as timm itself does when it loads them.

    Args:
        model: The network, built by timm.
        architecture: Its name in timm.
        tensors: State dict as stored.

    Returns:
        The same where the names are the network's already or timm knows no other layout of the
        architecture; whether the result fits is for `load_strictly` to say.
    """
    stored = dict(tensors)
    convert = layout_filter(architecture)
    if stored.keys() == model.state_dict().keys() or convert is None:
        return stored
    try:
        try:
            converted = dict(convert(dict(stored), model))
        except TypeError:  # an older one, of the state dict alone; timm tries the same two
            converted = dict(convert(dict(stored)))
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError):
        return stored  # in no layout that timm knows
    # timm also resizes what is of another size (position embeddings): those are other weights.
    resized = any(
        stored[name].numel() != tensor.numel()
        for name, tensor in converted.items()
        if name in stored
    )
    return stored if resized else converted
