"""Arguments and models refused: what was got, what was expected, what to do."""

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

# Where PyTorch keeps modules that compute with integers; those that only imitate it are elsewhere.
QUANTIZED = re.compile(r"torch\.(ao\.)?nn\.(intrinsic\.)?quantized")
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_RECURRENT = (nn.RNNBase, nn.RNNCellBase)
_BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@dataclass
class ModelParts:
    """The modules of a model that need attention.

    Attributes:
        activations: by name, those whose calls only a hook can see as one activation.
        convolutions: by name, those that may pad in their own forward.
        recurrent: by name, layers and cells of recurrent networks.
        batch_dependent: names of those that make a sample depend on the others.
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
    """Look at all modules of a model once.

    Raises:
        TypeError: a part of it is scripted, traced, exported, quantized or spread over devices, or
            has a hook that cannot be honoured.
    """
    parts, seen = ModelParts(), {model}
    waiting: list[tuple[str, nn.Module]] = [("", model)]
    while waiting:
        name, module = waiting.pop()
        # Without the nested generators of `named_modules`, since this is done at every call.
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
# Of other classes. Weak, since a class made in a function must not outlive it.
_ORDINARY: WeakKeyDictionary[type[nn.Module], bool] = WeakKeyDictionary()


def _is_ordinary(cls: type[nn.Module]) -> bool:
    """Whether modules of this class need no look, but for their mode, hooks and parameters."""
    if cls in _ORDINARY_OF_TORCH:
        return True
    known = _ORDINARY.get(cls)
    if known is None:
        known = _ORDINARY[cls] = _needs_no_look(cls)
    return known


def _pads_outside(module: Any) -> bool:
    """Whether a convolution of torch.nn pads by an operation of its own in front.

    It does for even kernels and for other padding modes than zeros.
    """
    return isinstance(module.padding, str) or module.padding_mode != "zeros"


def _sort(parts: ModelParts, name: str, module: nn.Module, activations: ActivationFilter) -> None:
    """Refuse a module, or add it to those that need a hook."""
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
    """Such a hook is put onto the node of the module's output, where the rule's would undo it."""
    if activations.includes_module(module):
        raise TypeError(
            f"{name or 'the model'} has a hook of register_backward_hook, which PyTorch has "
            "deprecated: what it returns would be lost; use register_full_backward_hook"
        )


def check_model(model: object, activations: ActivationFilter) -> None:
    """Refuse what is not a module or cannot be served, and chosen modules that it does not have.

    Raises:
        TypeError: it is no `nn.Module`, or as in `examine`.
        ValueError: a chosen module is not part of it.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(
            "the model must be an nn.Module, since its parts are examined; got "
            f"{type(model).__name__}. A function around a model can become a module's forward"
        )
    examine(model, activations)
    parts = set(map(id, model.modules()))
    for item in activations.chosen or ():
        if isinstance(item, nn.Module) and id(item) not in parts:
            raise ValueError(
                f"activations has a {type(item).__name__} that is not part of the model; name its "
                "class, or a module out of model.named_modules()"
            )


def _check_module(name: str, module: nn.Module) -> None:
    if isinstance(module, torch.jit.ScriptModule):
        raise TypeError(
            f"{name or 'the model'} is scripted or traced (torch.jit): its operations run where no "
            "hook reaches them; pass the model it was made from"
        )
    if QUANTIZED.match(type(module).__module__):
        raise TypeError(
            f"{name or 'the model'} is quantized ({type(module).__name__}): its numbers are "
            "integers and have no gradient; pass the model before its conversion"
        )
    if isinstance(module, nn.DataParallel) and len(module.device_ids) > 1 and name:
        raise TypeError(
            f"{name} is a DataParallel inside the model, which runs it in other threads; put its "
            ".module in its place"
        )
    if isinstance(module, fx.GraphModule) and _calls_operators(module):
        raise TypeError(
            f"{name or 'the model'} is exported (torch.export): its activations have become "
            "low-level operators; pass the model it was made from"
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
    """The chosen activations as a filter.

    Raises:
        TypeError: one is neither a module nor a class of modules.
    """
    if activations is None:
        return ActivationFilter()
    if isinstance(activations, type | nn.Module):
        raise TypeError(
            f"activations must be a list of classes or modules, got {activations!r} alone; put it "
            "into brackets"
        )
    chosen = tuple(activations)
    for item in chosen:
        cls = item if isinstance(item, type) else type(item)
        if not issubclass(cls, nn.Module):
            raise TypeError(
                "activations must be classes such as nn.ReLU, or modules of the model; got "
                f"{item!r} (for F.relu name nn.ReLU)"
            )
    return ActivationFilter(chosen)


def check_layers(model: nn.Module, layer: object) -> dict[str, nn.Module]:
    """The chosen layers by their names in the model, in the order given.

    Raises:
        TypeError: one is no module.
        ValueError: one is not part of the model, or given twice; or there is none.
    """
    layers = [layer] if isinstance(layer, nn.Module) else layer
    if not isinstance(layers, list | tuple) or not all(isinstance(m, nn.Module) for m in layers):
        raise TypeError(f"layer must be a module of the model, or a list of such, got {layer!r}")
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
        raise ValueError("layer is an empty list; name at least one module of the model")
    return found


def check_batch_size(internal_batch_size: object, samples: int) -> int:
    """The number of samples in one pass.

    Raises:
        TypeError: it is no int.
        ValueError: it is below 1.
    """
    if internal_batch_size is None:
        return samples
    if isinstance(internal_batch_size, bool) or not isinstance(internal_batch_size, int):
        raise TypeError(f"internal_batch_size must be an int or None, got {internal_batch_size!r}")
    if internal_batch_size < 1:
        raise ValueError(f"internal_batch_size must be at least 1, got {internal_batch_size}")
    return internal_batch_size


def check_inputs(inputs: tuple[object, ...], *, integers: bool = False) -> tuple[Tensor, ...]:
    """Refuse inputs that have no gradient or would make every map NaN.

    Args:
        inputs: as a user gave them.
        integers: whether tensors without a gradient are welcome, since it is not for them.

    Returns:
        The inputs.

    Raises:
        TypeError: one is no floating point tensor.
        ValueError: one is NaN or infinite, or the batch is empty or differs between inputs.
    """
    tensors = []
    for i, tensor in enumerate(inputs):
        if not isinstance(tensor, Tensor) or not (integers or tensor.is_floating_point()):
            got = tensor.dtype if isinstance(tensor, Tensor) else type(tensor).__name__
            raise TypeError(
                f"input {i} must be a floating point tensor, got {got}; convert it with .float() "
                "and normalise it as the model expects, or pass it in additional_forward_args"
            )
        checked = tensor.is_floating_point() and has_concrete_values(tensor)
        if checked and not torch.isfinite(tensor).all():
            raise ValueError(
                f"input {i} of shape {tuple(tensor.shape)} holds NaN or infinite values, which "
                "would spread over the whole map; replace them, with torch.nan_to_num for example"
            )
        tensors.append(tensor)
    shapes = [tuple(tensor.shape) for tensor in tensors]
    batches = {shape[:1] for shape in shapes}
    if len(batches) != 1 or batches & {(), (0,)}:
        raise ValueError(
            "dimension 0 of every input is the batch, of one size and not empty; got inputs of "
            f"shape {', '.join(map(str, shapes)) or 'none at all'}"
        )
    return tuple(tensors)


def has_concrete_values(tensor: Tensor) -> bool:
    """Whether the values of a tensor can be read now.

    False of a tensor of the meta device, which has none, and on a GPU while the current stream is
    captured into a CUDA graph: what is recorded then is computed later.
    """
    if tensor.is_meta:
        return False
    return not tensor.is_cuda or not torch.cuda.is_current_stream_capturing()
