"""What the nodes of the autograd graph tell about activations.

The names of nodes and the tensors that they save are described in PyTorch's notes "Autograd
mechanics". A node saves what its own backward needs: the activation `a`, or the pre-activation `z`
from which `a` is computed again here.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.autograd.function import BackwardCFunction
from torch.nn import functional as F

RELU6_MAX = 6

Value = Callable[[Any], Tensor]


def _result(node: Any) -> Tensor:
    value: Tensor = node._saved_result
    return value


def _rrelu(node: Any) -> Tensor:
    if node._saved_training:
        value: Tensor = node._saved_self * node._saved_noise
        return value
    return F.leaky_relu(node._saved_self, (node._saved_lower + node._saved_upper) / 2)


# By the name of the node: the module that does the same, and the value of the activation. Nodes
# whose name ends in 1 are of in-place forms that save their result.
NODES: dict[str, tuple[type[nn.Module], Value]] = {
    "ReluBackward0": (nn.ReLU, _result),
    "LeakyReluBackward0": (
        nn.LeakyReLU,
        lambda node: F.leaky_relu(node._saved_self, node._saved_negative_slope),
    ),
    "LeakyReluBackward1": (nn.LeakyReLU, _result),
    "GeluBackward0": (
        nn.GELU,
        lambda node: F.gelu(node._saved_self, approximate=node._saved_approximate),
    ),
    "SiluBackward0": (nn.SiLU, lambda node: F.silu(node._saved_self)),
    "MishBackward0": (nn.Mish, lambda node: F.mish(node._saved_self)),
    "HardswishBackward0": (nn.Hardswish, lambda node: F.hardswish(node._saved_self)),
    "HardsigmoidBackward0": (nn.Hardsigmoid, lambda node: F.hardsigmoid(node._saved_self)),
    "CeluBackward0": (nn.CELU, lambda node: F.celu(node._saved_self, node._saved_alpha)),
    "CeluBackward1": (nn.CELU, _result),
    "EluBackward0": (
        nn.ELU,
        lambda node: torch.ops.aten.elu(
            node._saved_self, node._saved_alpha, node._saved_scale, node._saved_input_scale
        ),
    ),
    "EluBackward1": (nn.ELU, _result),
    "SigmoidBackward0": (nn.Sigmoid, _result),
    "TanhBackward0": (nn.Tanh, _result),
    "SoftplusBackward0": (
        nn.Softplus,
        lambda node: F.softplus(node._saved_self, node._saved_beta, node._saved_threshold),
    ),
    "LogSigmoidBackward0": (nn.LogSigmoid, lambda node: F.logsigmoid(node._saved_self)),
    "LogSigmoidForwardBackward0": (nn.LogSigmoid, lambda node: F.logsigmoid(node._saved_self)),
    "PreluKernelBackward0": (
        nn.PReLU,
        lambda node: torch.where(
            node._saved_self > 0, node._saved_self, node._saved_self * node._saved_weight
        ),
    ),
    "RreluWithNoiseBackward0": (nn.RReLU, _rrelu),
    "RreluWithNoiseBackward1": (nn.RReLU, _result),
    "SoftshrinkBackward0": (
        nn.Softshrink,
        lambda node: F.softshrink(node._saved_self, node._saved_lambd),
    ),
    "HardshrinkBackward0": (
        nn.Hardshrink,
        lambda node: F.hardshrink(node._saved_self, node._saved_lambd),
    ),
    "HardtanhBackward0": (nn.Hardtanh, lambda node: _clamped(node, "_min_val", "_max_val")),
    "HardtanhBackward1": (nn.Hardtanh, _result),
}
CLAMPS = {"ClampBackward0", "ClampBackward1", "ClampMinBackward0", "ClampMinBackward1"}
# Activations whose value no node saves; they need the second way of `recorded_forward.py`.
NO_VALUE: dict[str, type[nn.Module]] = {
    "ThresholdBackward0": nn.Threshold,
    "ThresholdBackward1": nn.Threshold,
}
# Whole layers and cells in one operation, with activations inside; and compiled or scripted code.
FUSED = ("CudnnRnn", "MiopenRnn", "MkldnnRnnLayer", "ThnnFused", "CompiledFunction")
SCRIPTED = "DifferentiableGraph"
# Operations that a ReLU may be written with.
SPELLINGS = {"MaximumBackward0", "WhereBackward0", "MaskedFillBackward0", "MulBackward0"}

Role = Literal[
    "activation", "composed", "convolution", "max_pool", "batch_norm", "copy_slices", "unseen"
]


@lru_cache(maxsize=1024)
def role_of(name: str) -> Role | None:
    """What a node is to a rule, by its name; None: nothing.

    `"composed"` nodes are an activation if their neighbours are what they have to be, and nodes
    that are `"unseen"` may hold an activation: see `activation_class` and `unseen_activation`.
    """
    if name in NODES or name in CLAMPS or name in NO_VALUE:
        return "activation"
    if name in {"SubBackward0", "DivBackward0"}:
        return "composed"
    if name == "ConvolutionBackward0":
        return "convolution"
    if "MaxPool" in name:
        return "max_pool"
    if "BatchNorm" in name:
        return "batch_norm"
    if name == "torch::autograd::CopySlices":
        return "copy_slices"
    if name in SPELLINGS or name.startswith(FUSED) or SCRIPTED in name:
        return "unseen"
    return None


def activation_class(node: Any) -> type[nn.Module] | None:
    """The class of module that does what this node's operation does, if it is an activation.

    A clamp from 0 up is a ReLU, one from 0 to 6 a ReLU6. Any other keeps numbers within bounds
    (pixels within [0, 1], say) and is not an activation.

    Args:
        node: of the graph.
    """
    name = node.name()
    if name.startswith("Hardtanh") and _bounds(node, "_min_val", "_max_val") == (0, RELU6_MAX):
        return nn.ReLU6
    if name.startswith("Elu") and node._saved_scale != 1:
        return nn.SELU
    if name in NODES:
        return NODES[name][0]
    if name in CLAMPS:
        low, high = _bounds(node, "_min", "_max")
        if low != 0:
            return None
        return nn.ReLU if high is None else nn.ReLU6 if high == RELU6_MAX else None
    if name in NO_VALUE:
        return NO_VALUE[name]
    if name == "SubBackward0" and _is_tanhshrink(node):
        return nn.Tanhshrink
    return nn.Softsign if name == "DivBackward0" and _is_softsign(node) else None


def value_of(name: str) -> Value | None:
    """From a node of this name to the activation `a`, or None where the graph does not hold it."""
    if name in NODES:
        return NODES[name][1]
    if name in CLAMPS:
        return _clamp
    return _quotient if name == "DivBackward0" else None


def _clamp(node: Any) -> Tensor:
    return _clamped(node, "_min", "_max")


def _quotient(node: Any) -> Tensor:
    value: Tensor = node._saved_self / node._saved_other
    return value


def unseen_activation(node: Any, *, may_read: bool) -> str:
    """What to call a node that may hold an activation which hooks cannot reach, or `""`.

    Args:
        node: of the graph.
        may_read: whether saved tensors may be read; in a checkpoint they can be read only once.
    """
    name: str = node.name()
    if isinstance(node, BackwardCFunction):
        function: type = node._forward_cls  # type: ignore[attr-defined]
        own = function.__module__.split(".")[0] != "torch"
        return f"{name.removesuffix('Backward')} (an autograd.Function)" * own
    if name.startswith(FUSED):
        return name.rstrip("0123456789").removesuffix("Backward")
    if SCRIPTED in name:
        return "TorchScript code"
    return _spelled_out_relu(node, name) if may_read else ""


def _spelled_out_relu(node: Any, name: str) -> str:
    """A ReLU written with `maximum`, `where`, `masked_fill` or a product with a mask, perhaps."""
    shape = torch.Size(node._input_metadata[0].shape)
    if name == "MaximumBackward0":
        pairs = zip((node._saved_self, node._saved_other), node.next_functions, strict=True)
        constants = [operand for operand, (child, _) in pairs if child is None]
        is_zero = any(constant.numel() == 1 or not constant.any() for constant in constants)
        return "torch.maximum(x, 0)" * is_zero
    if name == "WhereBackward0":
        one_sided = None in [child for child, _ in node.next_functions]
        return "torch.where(mask, x, 0)" * bool(one_sided and node._saved_condition.shape == shape)
    if name == "MaskedFillBackward0":
        return "x.masked_fill(mask, 0)" * bool(node._saved_mask.shape == shape)
    factors: tuple[Tensor | None, ...] = ()
    if name == "MulBackward0" and None in [child for child, _ in node.next_functions]:
        factors = (node._saved_self, node._saved_other)
    is_mask = any(f is not None and f.dtype is torch.bool and f.shape == shape for f in factors)
    return "x * mask" * is_mask


def _bounds(node: Any, low: str, high: str) -> tuple[float | None, float | None]:
    values = (getattr(node, f"_saved{name}", None) for name in (low, high))
    found = [v.item() if isinstance(v, Tensor) and v.dim() == 0 else v for v in values]
    return tuple(v if isinstance(v, int | float) else None for v in found)  # type: ignore[return-value]


def _clamped(node: Any, low: str, high: str) -> Tensor:
    minimum, maximum = _bounds(node, low, high)
    value: Tensor = node._saved_self.clamp(minimum, maximum)
    return value


def _is_tanhshrink(node: Any) -> bool:
    """Whether it is `z - tanh(z)`."""
    first, second = node.next_functions
    tanh = second[0]
    if tanh is None or tanh.name() != "TanhBackward0" or node._saved_alpha != 1:
        return False
    return bool(tanh.next_functions[0] == first)


def _is_softsign(node: Any) -> bool:
    """Whether it is `z / (abs(z) + c)`."""
    first, second = node.next_functions
    add = second[0]
    if add is None or add.name() != "AddBackward0":
        return False
    absolute = add.next_functions[0][0]
    is_abs = absolute is not None and absolute.name() == "AbsBackward0"
    return is_abs and add.next_functions[1][0] is None and absolute.next_functions[0] == first
