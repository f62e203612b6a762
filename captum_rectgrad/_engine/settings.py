"""The validated arguments of a method."""

from dataclasses import dataclass, field

from torch import Tensor

from captum_rectgrad._engine.activations import ActivationFilter
from captum_rectgrad._engine.outputs import OutputChoice
from captum_rectgrad.rules.rule import Rule


@dataclass(frozen=True)
class Settings:
    """Modifications of the gradient and conversion of the gradient into an attribution.

    Attributes:
        rule: rule that selects units; None for the plain gradient.
        activations: activations that the rule applies to.
        padding_trick: whether the border is zeroed at padded convolutions.
        prr: whether PRR is applied at max-pooling.
        final_threshold: whether negative attributions become zero.
        multiply_by_inputs: whether the gradient is multiplied by the input or layer value.
        absolute: whether the absolute value is returned.
        output: choice of a tensor in what the model returns.
    """

    rule: Rule | None
    activations: ActivationFilter = field(default_factory=ActivationFilter)
    padding_trick: bool = False
    prr: bool = False
    final_threshold: bool = False
    multiply_by_inputs: bool = False
    absolute: bool = False
    output: OutputChoice = None

    def attribution(self, value: Tensor, gradient: Tensor) -> Tensor:
        """The attribution of a value, of its shape, from its gradient."""
        attribution = value * gradient if self.multiply_by_inputs else gradient
        if self.absolute:
            return attribution.abs()
        return attribution.clamp(min=0) if self.final_threshold else attribution
