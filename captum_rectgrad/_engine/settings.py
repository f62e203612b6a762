"""The checked arguments of a method."""

from dataclasses import dataclass, field

from torch import Tensor

from captum_rectgrad._engine.activations import ActivationFilter
from captum_rectgrad.rules.rule import Rule


@dataclass(frozen=True)
class Settings:
    """What is done at the nodes of a graph, and how a gradient becomes an attribution.

    Attributes:
        rule: which units of an activation pass; None: the plain gradient.
        activations: which activations the rule applies to.
        padding_trick: whether the border is zeroed at padded convolutions.
        prr: whether max-pooling redistributes.
        final_threshold: whether negative attributions become zero.
        multiply_by_inputs: whether the gradient is multiplied by what it is attributed to.
        absolute: whether the absolute value is returned.
    """

    rule: Rule | None
    activations: ActivationFilter = field(default_factory=ActivationFilter)
    padding_trick: bool = False
    prr: bool = False
    final_threshold: bool = False
    multiply_by_inputs: bool = False
    absolute: bool = False

    def attribution(self, value: Tensor, gradient: Tensor) -> Tensor:
        """The attribution of a value, of its shape, from the gradient that arrived there."""
        attribution = value * gradient if self.multiply_by_inputs else gradient
        if self.absolute:
            return attribution.abs()
        return attribution.clamp(min=0) if self.final_threshold else attribution
