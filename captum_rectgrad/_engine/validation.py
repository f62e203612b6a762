"""Validation of arguments."""

import sys
from collections.abc import Iterable, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from captum_rectgrad._engine.activations import ActivationFilter
from captum_rectgrad._engine.model_parts import examine
from captum_rectgrad._engine.wrappers import unwrapped


def check_model(model: object, activations: ActivationFilter) -> None:
    """Refuse unsupported models, and modules in `activations` that are not part of the model.

    Raises:
        TypeError: the model is not an `nn.Module`, or as in `examine`.
        ValueError: a module in `activations` is not part of the model.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(
            f"the model must be an nn.Module, got {type(model).__name__}; wrap a function in the "
            "forward() of a module"
        )
    examine(model, activations)
    parts = set(map(id, model.modules()))
    for item in activations.chosen or ():
        if isinstance(item, nn.Module) and id(item) not in parts:
            raise ValueError(
                f"activations contains a {type(item).__name__} that is not part of the model; use "
                "its class, or a module from model.named_modules()"
            )


def check_activations(
    activations: Iterable[type[nn.Module] | nn.Module] | None,
) -> ActivationFilter:
    """The argument `activations` as a filter.

    Raises:
        TypeError: an item is neither a module nor a module class.
    """
    if activations is None:
        return ActivationFilter()
    if isinstance(activations, type | nn.Module):
        raise TypeError(
            f"activations must be a list of classes or modules, got {activations!r}; pass it in a "
            "list"
        )
    chosen = tuple(activations)
    for item in chosen:
        cls = item if isinstance(item, type) else type(item)
        if not issubclass(cls, nn.Module):
            raise TypeError(
                "activations must contain classes such as nn.ReLU or modules of the model, got "
                f"{item!r}; use nn.ReLU for F.relu"
            )
    return ActivationFilter(chosen)


def check_device_ids(device_ids: object) -> None:
    """Refuse what is no list of devices: a percentile given by position, for example.

    Raises:
        TypeError: it is neither None nor a list of ints.
    """
    if device_ids is None:
        return
    if not isinstance(device_ids, list) or not all(isinstance(item, int) for item in device_ids):
        raise TypeError(
            f"device_ids must be a list of ints or None, got {device_ids!r}; pass other arguments "
            "by name, percentile=90 for example, and several layers as a list"
        )


def check_layers(model: nn.Module, layer: object) -> dict[str, nn.Module]:
    """The selected layers by name, in the given order.

    Raises:
        TypeError: a layer is not a module.
        ValueError: a layer is not part of the model or is repeated, or the list is empty.
    """
    layers = [layer] if isinstance(layer, nn.Module) else layer
    if not isinstance(layers, list | tuple) or not all(isinstance(m, nn.Module) for m in layers):
        raise TypeError(
            f"layer must be a module of the model or a list of modules, got {layer!r}; choose "
            "among model.named_modules()"
        )
    names = {id(module): name for name, module in model.named_modules()}
    found: dict[str, nn.Module] = {}
    for module in map(unwrapped, layers):
        name = names.get(id(module))
        if name is None or name in found:
            raise ValueError(
                f"layer {type(module).__name__} is "
                + ("not part of the model" if name is None else f"given twice, as {name!r}")
                + "; choose among model.named_modules()"
            )
        found[name] = module
    if not found:
        raise ValueError("layer is an empty list; pass at least one module of the model")
    return found


def check_batch_size(internal_batch_size: object, samples: int) -> int:
    """The number of samples per pass.

    Raises:
        TypeError: `internal_batch_size` is not an int.
        ValueError: `internal_batch_size` is below 1.
    """
    if internal_batch_size is None:
        return samples
    if isinstance(internal_batch_size, bool) or not isinstance(internal_batch_size, int):
        raise TypeError(f"internal_batch_size must be an int or None, got {internal_batch_size!r}")
    if internal_batch_size < 1:
        raise ValueError(f"internal_batch_size must be at least 1, got {internal_batch_size}")
    return internal_batch_size


def check_inputs(inputs: tuple[object, ...], *, integers: bool = False) -> tuple[Tensor, ...]:
    """Refuse inputs without a gradient and inconsistent batches.

    Args:
        inputs: inputs of the user.
        integers: whether integer tensors are allowed, for attribution to layers.

    Returns:
        The inputs.

    Raises:
        TypeError: an input is not a floating point tensor.
        ValueError: the batch is empty or differs between inputs.
    """
    tensors = []
    for i, tensor in enumerate(inputs):
        if not isinstance(tensor, Tensor) or not (integers or tensor.is_floating_point()):
            got = tensor.dtype if isinstance(tensor, Tensor) else type(tensor).__name__
            raise TypeError(
                f"input {i} must be a floating point tensor, got {got}; convert an image with "
                ".float() and normalise it as the model expects. Token ids have no gradient: "
                "attribute to their embedding with LayerRectGrad(model, embedding).attribute(ids, "
                "target), where embedding is the nn.Embedding of the model, such as "
                "model.get_input_embeddings() in transformers. Pass inputs without attribution in "
                "additional_forward_args"
            )
        tensors.append(tensor)
    shapes = [tuple(tensor.shape) for tensor in tensors]
    batches = {shape[:1] for shape in shapes}
    if len(batches) != 1 or batches & {(), (0,)}:
        raise ValueError(
            f"got inputs of shape {', '.join(map(str, shapes)) or '(none)'}, expected a common, "
            "non-empty batch dimension 0; add it with unsqueeze(0)"
        )
    return tuple(tensors)


def read_target(inputs: Sequence[Tensor], target: object) -> list[int] | None:
    """Refuse non-finite inputs, and read the target, with one transfer from a GPU for both.

    Args:
        inputs: inputs of the model.
        target: target as in Captum.

    Returns:
        The elements of the target if it is a tensor of readable integers, otherwise None.

    Raises:
        ValueError: an input is NaN or infinite.
    """
    checked = [i for i, x in enumerate(inputs) if x.is_floating_point() and has_concrete_values(x)]
    numbers = [torch.isfinite(inputs[i]).all().reshape(1) for i in checked]
    is_read = _has_readable_integers(target)
    if is_read:
        numbers.append(cast("Tensor", target).reshape(-1))
    if not numbers:
        return None
    if len({number.device for number in numbers}) > 1:  # such as a target on the CPU
        numbers = [number.cpu() for number in numbers]
    read = torch.cat([number.long() for number in numbers]).tolist()
    for i, is_finite in zip(checked, read, strict=False):
        if not is_finite:
            raise ValueError(
                f"input {i} of shape {tuple(inputs[i].shape)} contains NaN or infinite values, "
                "which would spread over the whole map; replace them, for example by "
                "torch.nan_to_num"
            )
    return read[len(checked) :] if is_read else None


def _has_readable_integers(target: object) -> bool:
    if not isinstance(target, Tensor) or target.dtype.is_floating_point:
        return False
    return has_concrete_values(target)


def has_concrete_values(tensor: Tensor) -> bool:
    """Whether the values of a tensor can be read.

    False for the meta device, on a GPU during the capture of a CUDA graph, which computes the
    values later, and while `make_fx` traces the operations, as for an export.
    """
    if tensor.is_meta or _is_traced():
        return False
    return not tensor.is_cuda or not torch.cuda.is_current_stream_capturing()


def _is_traced() -> bool:
    """Whether `make_fx` records the operations of this thread; its import is slow."""
    tracing = sys.modules.get("torch.fx.experimental.proxy_tensor")
    return tracing is not None and tracing.get_proxy_mode() is not None
