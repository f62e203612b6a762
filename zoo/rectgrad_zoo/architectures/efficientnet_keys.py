"""Conversion of weights that are stored under their original names."""

import sys
from collections.abc import Callable, Mapping

from timm.models import model_entrypoint
from torch import Tensor, nn

# Names of the functions in timm's modules that rename and reshape weights.
_FILTERS = ("checkpoint_filter_fn", "_filter_fn")


def layout_filter(architecture: str) -> Callable[..., dict[str, Tensor]] | None:
    """The function of timm that converts an architecture's weights; `None` if there is none.

    Args:
        architecture: Name of the timm architecture.

    Returns:
        A function of a state dict and, except in older modules, the network.
    """
    module = vars(sys.modules[model_entrypoint(architecture).__module__])
    return next((module[name] for name in _FILTERS if name in module), None)


def as_timm_names_them(
    model: nn.Module, architecture: str, tensors: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Rename and reshape weights in their authors' layout, as timm does when it loads them.

    Args:
        model: The network, built by timm.
        architecture: Name of the timm architecture.
        tensors: State dict as stored.

    Returns:
        The converted state dict; the stored one if the names fit already or timm has no conversion.
        `load_strictly` checks the result.
    """
    stored = dict(tensors)
    convert = layout_filter(architecture)
    if stored.keys() == model.state_dict().keys() or convert is None:
        return stored
    try:
        try:
            converted = dict(convert(dict(stored), model))
        except TypeError:  # an older function takes the state dict only
            converted = dict(convert(dict(stored)))
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError):
        return stored  # timm does not know the layout
    # timm also resizes position embeddings, which changes the weights.
    resized = any(
        stored[name].numel() != tensor.numel()
        for name, tensor in converted.items()
        if name in stored
    )
    return stored if resized else converted
