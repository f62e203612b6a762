"""Definition of activations: elementwise operations.

Operations that mix elements, such as softmax and GLU, are not activations and are differentiated
normally.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from torch import nn

from captum_rectgrad._engine.activation_nodes import NODES

# Modules of torch.nn with a single node in the graph that contains everything for a rule.
ONE_NODE: frozenset[type[nn.Module]] = frozenset(
    {nn.ReLU6, nn.SELU, *(cls for cls, value in NODES.values() if value)}
)
# Modules of torch.nn composed of operations, or with an output that the graph does not contain.
COMPOSED = frozenset({nn.Softsign, nn.Tanhshrink, nn.Threshold})
TORCH_ACTIVATIONS = (*ONE_NODE, *COMPOSED)

# Elementwise activations of other libraries, by module name, since the libraries are optional.
LIBRARIES = ("timm.layers.activations", "timm.layers.activations_me", "transformers.activations")

# The argument `activations`; None for all elementwise activations.
Activations = Iterable[type[nn.Module] | nn.Module] | None


def is_activation(cls: type[nn.Module]) -> bool:
    """Whether modules of this class are elementwise activations of torch.nn or of a library."""
    return issubclass(cls, TORCH_ACTIVATIONS) or cls.__module__ in LIBRARIES


@dataclass(frozen=True)
class ActivationFilter:
    """The activations that a rule applies to.

    Attributes:
        chosen: module classes (`nn.ReLU` includes `F.relu` and `x.relu()`) and modules of the
            model; None for all elementwise activations.
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
        """Whether the rule applies to functions equivalent to this module class."""
        return self.chosen is None or any(
            isinstance(item, type) and issubclass(cls, item) for item in self.chosen
        )

    def needs_hook(self, module: nn.Module) -> bool:
        """Whether an activation can be identified by its module only.

        This includes composed activations that are not chosen, since their parts must be excluded.
        """
        # A subclass may compute more than its base class.
        leaves_one_node = type(module) in ONE_NODE
        if is_activation(type(module)) and not leaves_one_node:
            return True
        if self.chosen is None:
            return False
        if any(module is item for item in self.chosen):
            return True
        return not leaves_one_node and self.includes_module(module)
