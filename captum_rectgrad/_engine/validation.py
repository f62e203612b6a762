"""Validation of arguments and models."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, fx, nn
from torch._ops import OpOverload

from captum_rectgrad._engine.activations import ONE_NODE, ActivationFilter, is_activation
from captum_rectgrad._engine.batch_norm_state import is_batch_dependent, running_statistics
from captum_rectgrad._engine.wrappers import unwrapped

# Modules of PyTorch's integer quantization, without those of fake quantization.
QUANTIZED = re.compile(r"torch\.(ao\.)?nn\.(intrinsic\.)?quantized")
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_RECURRENT = (nn.RNNBase, nn.RNNCellBase)
_BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@dataclass
class ModelParts:
    """The modules of a model that need hooks or warnings.

    Attributes:
        activations: activations that only a hook identifies, with their names.
        convolutions: convolutions that may pad in their forward(), with their names.
        recurrent: recurrent layers and cells, with their names.
        batch_dependent: names of modules that mix the samples of a batch.
        statistics: buffers that a forward pass changes, and copies of their values.
        has_frozen: whether a parameter does not require a gradient.
    """

    activations: list[tuple[str, nn.Module]] = field(default_factory=list)
    convolutions: list[tuple[str, nn.Module]] = field(default_factory=list)
    recurrent: list[tuple[str, nn.Module]] = field(default_factory=list)
    batch_dependent: list[str] = field(default_factory=list)
    statistics: list[tuple[Tensor, Tensor]] = field(default_factory=list)
    has_frozen: bool = False


def examine(model: nn.Module, activations: ActivationFilter) -> ModelParts:
    """Examine all modules of a model.

    Raises:
        TypeError: a module is scripted, traced, exported, quantized or distributed over devices,
            or has an unsupported hook.
    """
    parts, seen = ModelParts(), {model}
    waiting: list[tuple[str, nn.Module]] = [("", model)]
    while waiting:
        name, module = waiting.pop()
        # Faster than the nested generators of `named_modules`, since this runs at every call.
        for key, child in module._modules.items():
            if child is not None and child not in seen:
                seen.add(child)
                waiting.append((f"{name}.{key}" if name else key, child))
        cls: Any = type(module)
        is_convolution = cls in _CONVOLUTIONS
        if (
            not _is_ordinary(cls)
            or activations.chosen
            or (is_convolution and _pads_outside(module))
        ):
            _sort(parts, name, module, activations)
        if module._backward_hooks and module._is_full_backward_hook is False:
            _refuse_legacy_hook(name, module, activations)
        if module.training or cls in _BATCH_NORMS:
            parts.statistics.extend(running_statistics(module))
            if is_batch_dependent(module):
                parts.batch_dependent.append(f"{name!r} ({cls.__name__})")
        for parameter in module._parameters.values():
            if parameter is not None and not parameter.requires_grad:
                parts.has_frozen = True
    return parts


def _needs_no_look(cls: type[nn.Module]) -> bool:
    return not (
        issubclass(cls, (torch.jit.ScriptModule, nn.DataParallel, fx.GraphModule, *_RECURRENT))
        or (issubclass(cls, _CONVOLUTIONS) and cls not in _CONVOLUTIONS)
        or cls.__name__ == "CondConv2d"
        or QUANTIZED.match(cls.__module__)
        or (is_activation(cls) and cls not in ONE_NODE)
    )


_ORDINARY_OF_TORCH = frozenset(
    cls
    for cls in vars(nn).values()
    if isinstance(cls, type) and issubclass(cls, nn.Module) and _needs_no_look(cls)
)
# Cache for other classes. Weak references, so that local classes are freed.
_ORDINARY: WeakKeyDictionary[type[nn.Module], bool] = WeakKeyDictionary()


def _is_ordinary(cls: type[nn.Module]) -> bool:
    """Whether only mode, hooks and parameters of modules of this class need to be examined."""
    if cls in _ORDINARY_OF_TORCH:
        return True
    known = _ORDINARY.get(cls)
    if known is None:
        known = _ORDINARY[cls] = _needs_no_look(cls)
    return known


def _pads_outside(module: Any) -> bool:
    """Whether a convolution of torch.nn pads by a separate operation.

    This holds for even kernels and for padding modes other than zeros.
    """
    return isinstance(module.padding, str) or module.padding_mode != "zeros"


def _sort(parts: ModelParts, name: str, module: nn.Module, activations: ActivationFilter) -> None:
    """Refuse a module, or add it to the modules that need a hook."""
    _check_module(name, module)
    cls = type(module)
    if activations.needs_hook(module):
        parts.activations.append((name, module))
    if isinstance(module, _RECURRENT):
        parts.recurrent.append((name, module))
    elif (isinstance(module, _CONVOLUTIONS) or cls.__name__ == "CondConv2d") and (
        cls not in _CONVOLUTIONS or _pads_outside(module)
    ):
        parts.convolutions.append((name, module))


def _refuse_legacy_hook(name: str, module: nn.Module, activations: ActivationFilter) -> None:
    """Refuse a hook on the node of the module's output, since the rule would discard its result."""
    if activations.includes_module(module):
        raise TypeError(
            f"{name or 'the model'} has a hook from the deprecated register_backward_hook, whose "
            "result would be lost; use register_full_backward_hook"
        )


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


def _check_module(name: str, module: nn.Module) -> None:
    if isinstance(module, torch.jit.ScriptModule):
        raise TypeError(
            f"{name or 'the model'} is scripted or traced (torch.jit), so hooks cannot reach its "
            "operations; pass the original model"
        )
    if QUANTIZED.match(type(module).__module__):
        raise TypeError(
            f"{name or 'the model'} is quantized ({type(module).__name__}), and integers have no "
            "gradient; pass the model before its conversion"
        )
    if isinstance(module, nn.DataParallel) and len(module.device_ids) > 1 and name:
        raise TypeError(
            f"{name} is a DataParallel inside the model, which runs in other threads; replace it "
            "by its attribute .module"
        )
    if isinstance(module, fx.GraphModule) and _calls_operators(module):
        raise TypeError(
            f"{name or 'the model'} is exported (torch.export), so its activations are low-level "
            "operators; pass the original model"
        )


def _calls_operators(module: fx.GraphModule) -> bool:
    """Whether this graph consists of PyTorch's operators (`aten.relu.default`)."""
    return any(
        isinstance(node.target, OpOverload) and node.target.namespace == "aten"
        for node in module.graph.nodes
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
    """Refuse inputs without a gradient, non-finite inputs and inconsistent batches.

    Args:
        inputs: inputs of the user.
        integers: whether integer tensors are allowed, for attribution to layers.

    Returns:
        The inputs.

    Raises:
        TypeError: an input is not a floating point tensor.
        ValueError: an input is NaN or infinite, or the batch is empty or differs between inputs.
    """
    tensors = []
    for i, tensor in enumerate(inputs):
        if not isinstance(tensor, Tensor) or not (integers or tensor.is_floating_point()):
            got = tensor.dtype if isinstance(tensor, Tensor) else type(tensor).__name__
            raise TypeError(
                f"input {i} must be a floating point tensor, got {got}; convert it with .float() "
                "and normalise it as the model expects, or pass it in additional_forward_args. For "
                "token ids, attribute to the embedding with LayerRectGrad"
            )
        checked = tensor.is_floating_point() and has_concrete_values(tensor)
        if checked and not torch.isfinite(tensor).all():
            raise ValueError(
                f"input {i} of shape {tuple(tensor.shape)} contains NaN or infinite values, which "
                "would spread over the whole map; replace them, for example by torch.nan_to_num"
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


def has_concrete_values(tensor: Tensor) -> bool:
    """Whether the values of a tensor can be read.

    False for the meta device, and on a GPU during the capture of a CUDA graph, which computes the
    values later.
    """
    if tensor.is_meta:
        return False
    return not tensor.is_cuda or not torch.cuda.is_current_stream_capturing()
