"""The modules of a model that need hooks or warnings, and those that are not supported."""

import re
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, fx, nn
from torch._ops import OpOverload

from captum_rectgrad._engine.activations import ONE_NODE, ActivationFilter, is_activation
from captum_rectgrad._engine.batch_norm_state import is_batch_dependent, running_statistics

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
