"""Which operations are activations: each element of the output depends on one of the input alone.

Softmax, GLU and the like couple elements and are left as they are: plain gradient.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from torch import nn

# By the name PyTorch gives the function (and, with a trailing underscore, its in-place form), the
# module that does the same.
FUNCTIONS: dict[str, type[nn.Module]] = {
    "celu": nn.CELU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "hardshrink": nn.Hardshrink,
    "hardsigmoid": nn.Hardsigmoid,
    "hardswish": nn.Hardswish,
    "hardtanh": nn.Hardtanh,
    "leaky_relu": nn.LeakyReLU,
    "log_sigmoid": nn.LogSigmoid,
    "mish": nn.Mish,
    "prelu": nn.PReLU,
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "rrelu": nn.RReLU,
    "selu": nn.SELU,
    "sigmoid": nn.Sigmoid,
    "silu": nn.SiLU,
    "softplus": nn.Softplus,
    "softshrink": nn.Softshrink,
    "softsign": nn.Softsign,
    "tanh": nn.Tanh,
    "tanhshrink": nn.Tanhshrink,
    "threshold": nn.Threshold,
}
ELEMENTWISE = tuple(FUNCTIONS.values())

# timm has elementwise activations of its own; named, not imported: the methods do not need timm.
TIMM_ACTIVATIONS = ("timm.layers.activations", "timm.layers.activations_me")


def is_activation(module: nn.Module) -> bool:
    """Whether this module is an elementwise activation of `torch.nn` or timm."""
    return isinstance(module, ELEMENTWISE) or type(module).__module__ in TIMM_ACTIVATIONS


def is_relu(module: nn.Module) -> bool:
    """Whether this module computes `max(z, 0)` and nothing else.

    One with a forward of its own may do more, so it counts as any other activation.
    """
    return (
        isinstance(module, nn.ReLU)
        and type(module).forward is nn.ReLU.forward
        and "forward" not in vars(module)
    )


# What a user may choose; None: all of them.
Activations = Iterable[type[nn.Module] | nn.Module] | None


@dataclass(frozen=True)
class Choice:
    """Which activations are rectified.

    Attributes:
        chosen: classes of modules (`nn.ReLU` stands for `F.relu` and `x.relu()` too) and single
            modules of the model; None: every elementwise activation.
    """

    chosen: tuple[type[nn.Module] | nn.Module, ...] | None = None

    def includes(self, module: nn.Module) -> bool:
        """Whether this module is rectified."""
        if self.chosen is None:
            return is_activation(module)
        return any(
            isinstance(module, item) if isinstance(item, type) else module is item
            for item in self.chosen
        )

    def includes_class(self, cls: type[nn.Module]) -> bool:
        """Whether functions that do what modules of this class do are rectified."""
        return self.chosen is None or any(
            isinstance(item, type) and issubclass(cls, item) for item in self.chosen
        )
