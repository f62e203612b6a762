"""Arguments refused with words: what was got, what was expected, what to do."""

import math
import re
from collections.abc import Iterable
from numbers import Real

import torch
from torch import Tensor, fx, nn
from torch._ops import OpOverload

from captum_rectgrad.activations import Choice
from captum_rectgrad.reading import readable
from captum_rectgrad.wrappers import unwrapped

# Where PyTorch keeps modules that compute with integers; those that only imitate it are elsewhere.
QUANTIZED = re.compile(r"torch\.(ao\.)?nn\.(intrinsic\.)?quantized")


def check_percentile(percentile: object) -> float:
    """The percentile as a float.

    Raises:
        TypeError: it is no number.
        ValueError: it is outside [0, 100] or NaN.
    """
    value = _number("percentile", percentile)
    if not 0 <= value <= 100:  # noqa: PLR2004
        raise ValueError(f"percentile must lie in [0, 100], got {value}; the paper's is 98")
    return value


def check_tau(tau: object) -> float:
    """The constant threshold as a float; infinities are allowed.

    Raises:
        TypeError: it is no number.
        ValueError: it is NaN.
    """
    value = _number("tau", tau)
    if math.isnan(value):
        raise ValueError("tau must be a number, got NaN; 0 gives guided backpropagation")
    return value


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, got {value!r} of type {type(value).__name__}")
    return float(value)


def check_servable(model: object) -> None:
    """Refuse what cannot be hooked.

    Raises:
        TypeError: it is no `nn.Module`, or a part of it is scripted, traced, exported, quantized or
            spread over devices.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(
            "RectGrad hooks the activations of a model and so needs the nn.Module itself, got "
            f"{type(model).__name__}; a function around a model can become a module's forward"
        )
    for name, module in model.named_modules():
        if isinstance(module, torch.jit.ScriptModule):
            raise TypeError(
                f"{name or 'the model'} is scripted or traced (torch.jit): its operations run "
                "where no hook reaches them; pass the model it was made from"
            )
        if QUANTIZED.match(type(module).__module__):
            raise TypeError(
                f"{name or 'the model'} is quantized ({type(module).__name__}): its numbers are "
                "integers and have no gradient; pass the model before its conversion"
            )
        if isinstance(module, nn.DataParallel) and len(module.device_ids) > 1 and name:
            raise TypeError(
                f"{name} is a DataParallel inside the model and runs in threads of its own, which "
                "hooks of this call do not serve; put its .module in its place"
            )
        if isinstance(module, fx.GraphModule) and _calls_operators(module):
            raise TypeError(
                f"{name or 'the model'} is exported (torch.export): its activations have become "
                "low-level operators; pass the model it was made from"
            )


def check_parts(model: nn.Module, choice: Choice) -> None:
    """Refuse single modules, chosen as activations, that the model does not have.

    Raises:
        ValueError: one is not part of it.
    """
    parts = set(map(id, model.modules()))
    for item in choice.chosen or ():
        if isinstance(item, nn.Module) and id(item) not in parts:
            raise ValueError(
                f"activations has a {type(item).__name__} that is not part of the model; name its "
                "class, or a module out of model.named_modules()"
            )


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
    """How many samples to take at a time.

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


def _calls_operators(module: fx.GraphModule) -> bool:
    """Whether this graph consists of PyTorch's operators (`aten.relu.default`)."""
    return any(
        isinstance(node.target, OpOverload) and node.target.namespace == "aten"
        for node in module.graph.nodes
    )


def check_activations(
    activations: Iterable[type[nn.Module] | nn.Module],
) -> tuple[type[nn.Module] | nn.Module, ...]:
    """The chosen activations as a tuple.

    Raises:
        TypeError: one is neither a module nor a class of modules.
    """
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
    return chosen


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
        looked_at = tensor.is_floating_point() and readable(tensor)
        if looked_at and not torch.isfinite(tensor).all():
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
