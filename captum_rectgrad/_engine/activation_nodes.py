"""Activations in the autograd graph: nodes, classes and values.

PyTorch's notes "Autograd mechanics" describe the names of nodes and their saved tensors. A node
saves the activation `a`, or the pre-activation `z`, from which `a` is recomputed here.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from operator import attrgetter
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from captum_rectgrad._engine.unhandled_activations import FUSED, SCRIPTED, SPELLINGS

RELU6_MAX = 6
_CLAMPED: dict[tuple[float | None, float | None], type[nn.Module]] = {
    (0, None): nn.ReLU,
    (0, RELU6_MAX): nn.ReLU6,
}

Value = Callable[[Any], Tensor]


def _saved(name: str) -> Value:
    """The tensor that a node saved under a name."""
    return attrgetter(f"_saved_{name}")


def _again(function: Callable[..., Tensor], *settings: str) -> Value:
    """A function of the pre-activation and of the settings that a node saved."""
    names = [f"_saved_{name}" for name in ("self", *settings)]
    return lambda node: function(*[getattr(node, name) for name in names])


def _prelu(z: Tensor, weight: Tensor) -> Tensor:
    return torch.where(z > 0, z, z * weight)


def _rrelu(z: Tensor, noise: Tensor, lower: float, upper: float, training: bool) -> Tensor:
    return z * noise if training else F.leaky_relu(z, (lower + upper) / 2)


def _gelu(z: Tensor, approximate: str) -> Tensor:
    return F.gelu(z, approximate=approximate)


# By name of the node: the equivalent module, and the value of the activation. Names that end in 1
# belong to in-place operations, which save their result.
NODES: dict[str, tuple[type[nn.Module], Value | None]] = {
    "ReluBackward0": (nn.ReLU, _saved("result")),
    "LeakyReluBackward0": (nn.LeakyReLU, _again(F.leaky_relu, "negative_slope")),
    "LeakyReluBackward1": (nn.LeakyReLU, _saved("result")),
    "GeluBackward0": (nn.GELU, _again(_gelu, "approximate")),
    "SiluBackward0": (nn.SiLU, _again(F.silu)),
    "MishBackward0": (nn.Mish, _again(F.mish)),
    "HardswishBackward0": (nn.Hardswish, _again(F.hardswish)),
    "HardsigmoidBackward0": (nn.Hardsigmoid, _again(F.hardsigmoid)),
    "CeluBackward0": (nn.CELU, _again(F.celu, "alpha")),
    "CeluBackward1": (nn.CELU, _saved("result")),
    "EluBackward0": (nn.ELU, _again(torch.ops.aten.elu, "alpha", "scale", "input_scale")),
    "EluBackward1": (nn.ELU, _saved("result")),
    "SigmoidBackward0": (nn.Sigmoid, _saved("result")),
    "TanhBackward0": (nn.Tanh, _saved("result")),
    "SoftplusBackward0": (nn.Softplus, _again(F.softplus, "beta", "threshold")),
    "LogSigmoidBackward0": (nn.LogSigmoid, _again(F.logsigmoid)),
    "LogSigmoidForwardBackward0": (nn.LogSigmoid, _again(F.logsigmoid)),
    "PreluKernelBackward0": (nn.PReLU, _again(_prelu, "weight")),
    "RreluWithNoiseBackward0": (nn.RReLU, _again(_rrelu, "noise", "lower", "upper", "training")),
    "RreluWithNoiseBackward1": (nn.RReLU, _saved("result")),
    "SoftshrinkBackward0": (nn.Softshrink, _again(F.softshrink, "lambd")),
    "HardshrinkBackward0": (nn.Hardshrink, _again(F.hardshrink, "lambd")),
    "HardtanhBackward0": (nn.Hardtanh, _again(F.hardtanh, "min_val", "max_val")),
    "HardtanhBackward1": (nn.Hardtanh, _saved("result")),
    # No node saves their value; they need the second way of `recorded_forward.py`.
    "ThresholdBackward0": (nn.Threshold, None),
    "ThresholdBackward1": (nn.Threshold, None),
}
CLAMPS = {"ClampBackward0", "ClampBackward1", "ClampMinBackward0", "ClampMinBackward1"}

Role = Literal[
    "activation", "composed", "convolution", "max_pool", "batch_norm", "copy_slices", "unhandled"
]

_ROLES: dict[str, Role] = {
    **dict.fromkeys((*NODES, *CLAMPS), "activation"),
    **dict.fromkeys(("SubBackward0", "DivBackward0"), "composed"),
    **dict.fromkeys(SPELLINGS, "unhandled"),
    "ConvolutionBackward0": "convolution",
    "torch::autograd::CopySlices": "copy_slices",
}


@lru_cache(maxsize=1024)
def role_of(name: str) -> Role | None:
    """The role of a node for a rule, by its name; None for no role.

    A `"composed"` node is an activation if its neighbours match, see `activation_class`. An
    `"unhandled"` node may contain an activation, see `unhandled_activation`.
    """
    if "MaxPool" in name:
        return "max_pool"
    if "BatchNorm" in name:
        return "batch_norm"
    return "unhandled" if name.startswith(FUSED) or SCRIPTED in name else _ROLES.get(name)


def activation_class(node: Any) -> type[nn.Module] | None:
    """The module class that is equivalent to a node's operation, if it is an activation.

    A clamp with the minimum 0 is a ReLU. A clamp to [0, 6] is a ReLU6. Other clamps, for example
    of pixels to [0, 1], are not activations.

    Args:
        node: node of the graph.
    """
    name = node.name()
    if name in CLAMPS:
        return _CLAMPED.get(_bounds(node))
    if name.startswith("Hardtanh"):
        is_relu6 = (node._saved_min_val, node._saved_max_val) == (0, RELU6_MAX)
        return nn.ReLU6 if is_relu6 else nn.Hardtanh
    if name.startswith("Elu") and node._saved_scale != 1:
        return nn.SELU
    if name in {"SubBackward0", "DivBackward0"}:
        is_activation, cls = _COMPOSED[name]
        return cls if is_activation(node) else None
    return NODES[name][0] if name in NODES else None


def value_of(name: str) -> Value | None:
    """The function from a node of this name to its activation `a`; None if it is not saved."""
    if name in NODES:
        return NODES[name][1]
    if name in CLAMPS:
        return _clamp
    return _quotient if name == "DivBackward0" else None


def _clamp(node: Any) -> Tensor:
    low, high = (getattr(node, name, None) for name in ("_saved_min", "_saved_max"))
    value: Tensor = node._saved_self.clamp(low, high)
    return value


def _quotient(node: Any) -> Tensor:
    value: Tensor = node._saved_self / node._saved_other
    return value


def _bounds(node: Any) -> tuple[float | None, float | None]:
    values = (getattr(node, name, None) for name in ("_saved_min", "_saved_max"))
    low, high = (v.item() if isinstance(v, Tensor) and v.dim() == 0 else v for v in values)
    return (None if isinstance(low, Tensor) else low), (
        math.inf if isinstance(high, Tensor) else high
    )


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


_COMPOSED: dict[str, tuple[Callable[[Any], bool], type[nn.Module]]] = {
    "SubBackward0": (_is_tanhshrink, nn.Tanhshrink),
    "DivBackward0": (_is_softsign, nn.Softsign),
}
