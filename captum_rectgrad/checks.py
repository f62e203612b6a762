"""Arguments refused with words: what was got, what was expected, what to do."""

import math
from collections.abc import Iterable
from numbers import Real

import torch
from torch import Tensor, fx, nn
from torch._ops import OpOverload


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
        TypeError: it is no `nn.Module`, or a part of it is scripted, traced or exported.
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


def check_inputs(inputs: tuple[object, ...]) -> tuple[Tensor, ...]:
    """Refuse inputs that have no gradient or would make every map NaN.

    Returns:
        The inputs.

    Raises:
        TypeError: one is no floating point tensor.
        ValueError: one is NaN or infinite, or the batch is empty or differs between inputs.
    """
    tensors = []
    for i, tensor in enumerate(inputs):
        if not isinstance(tensor, Tensor) or not tensor.is_floating_point():
            got = tensor.dtype if isinstance(tensor, Tensor) else type(tensor).__name__
            raise TypeError(
                f"input {i} must be a floating point tensor, got {got}; convert it with .float() "
                "and normalise it as the model expects, or pass it in additional_forward_args"
            )
        if not torch.isfinite(tensor).all():
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
