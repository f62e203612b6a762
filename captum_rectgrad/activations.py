"""Which modules are activations: those whose output depends on each element of the input alone.

Softmax, GLU and the like couple elements and are left as they are: plain gradient.
"""

from torch import nn

ELEMENTWISE = (
    nn.CELU,
    nn.ELU,
    nn.GELU,
    nn.Hardshrink,
    nn.Hardsigmoid,
    nn.Hardswish,
    nn.Hardtanh,
    nn.LeakyReLU,
    nn.LogSigmoid,
    nn.Mish,
    nn.PReLU,
    nn.RReLU,
    nn.ReLU,
    nn.ReLU6,
    nn.SELU,
    nn.SiLU,
    nn.Sigmoid,
    nn.Softplus,
    nn.Softshrink,
    nn.Softsign,
    nn.Tanh,
    nn.Tanhshrink,
    nn.Threshold,
)

# timm has elementwise activations of its own; named, not imported: the methods do not need timm.
TIMM_ACTIVATIONS = ("timm.layers.activations", "timm.layers.activations_me")


def is_activation(module: nn.Module) -> bool:
    """Whether this module is an elementwise activation of `torch.nn` or timm."""
    return isinstance(module, ELEMENTWISE) or type(module).__module__ in TIMM_ACTIVATIONS


def is_relu(module: nn.Module) -> bool:
    """Whether this module computes `max(z, 0)` and nothing else.

    A subclass with a forward of its own may do more, so it counts as any other activation.
    """
    return isinstance(module, nn.ReLU) and type(module).forward is nn.ReLU.forward
