"""Which operations are activations: each element of the output depends on one of the input alone.

Softmax, GLU and the like couple elements and are not activations: they pass the plain gradient.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from torch import nn

from captum_rectgrad._engine.activation_nodes import NODES

# Modules of torch.nn that leave one node in the graph, which says all that a rule needs.
ONE_NODE: frozenset[type[nn.Module]] = frozenset(
    {nn.ReLU6, nn.SELU, *(cls for cls, value in NODES.values() if value)}
)
# Modules of torch.nn that are composed of operations, or whose output the graph does not hold.
COMPOSED = frozenset({nn.Softsign, nn.Tanhshrink, nn.Threshold})
TORCH_ACTIVATIONS = (*ONE_NODE, *COMPOSED)

# Elementwise activations of libraries, many of them composed. Named, not imported: the methods need
# neither library.
LIBRARIES = ("timm.layers.activations", "timm.layers.activations_me", "transformers.activations")

# What a user may choose; None: every elementwise activation.
Activations = Iterable[type[nn.Module] | nn.Module] | None


def is_activation(cls: type[nn.Module]) -> bool:
    """Whether modules of this class are elementwise activations of torch.nn or of a library."""
    return issubclass(cls, TORCH_ACTIVATIONS) or cls.__module__ in LIBRARIES


@dataclass(frozen=True)
class ActivationFilter:
    """Which activations a rule applies to.

    Attributes:
        chosen: classes of modules (`nn.ReLU` stands for `F.relu` and `x.relu()` too) and single
            modules of the model; None: every elementwise activation.
    """

    chosen: tuple[type[nn.Module] | nn.Module, ...] | None = None

    def includes_module(self, module: nn.Module) -> bool:
        """Whether the rule applies to this module."""
        if self.chosen is None:
            return is_activation(type(module))
        return any(
            isinstance(module, item) if isinstance(item, type) else module is item
            for item in self.chosen
        )

    def includes_class(self, cls: type[nn.Module]) -> bool:
        """Whether the rule applies to functions that do what modules of this class do."""
        return self.chosen is None or any(
            isinstance(item, type) and issubclass(cls, item) for item in self.chosen
        )

    def needs_hook(self, module: nn.Module) -> bool:
        """Whether only the module knows that its operations are one activation, or chosen.

        A composed activation that is not chosen counts too: its parts are not activations.
        """
        # A subclass may compute more than the class it is derived from.
        leaves_one_node = type(module) in ONE_NODE
        if is_activation(type(module)) and not leaves_one_node:
            return True
        if self.chosen is None:
            return False
        if any(module is item for item in self.chosen):
            return True
        return not leaves_one_node and self.includes_module(module)
