"""The protocol of propagation rules."""

from typing import Protocol

from torch import Tensor


class Rule(Protocol):
    """Selects the units of an activation that propagate the gradient.

    A rule is called once per call of an activation. The selection for a sample must not depend on
    other samples. Any object with the method `keep` is a rule; inheritance is not required.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> from captum_rectgrad import RectGrad
        >>> class Positive:
        ...     def keep(self, activation, grad_output, *, is_last):
        ...         return activation * grad_output > 0
        >>> model = nn.Sequential(nn.Linear(12, 64), nn.ReLU(), nn.Linear(64, 10))
        >>> RectGrad(model, rule=Positive()).attribute(torch.rand(2, 12), target=4).shape
        torch.Size([2, 12])
    """

    def keep(self, activation: Tensor, grad_output: Tensor, *, is_last: bool) -> Tensor:
        """Select the units that propagate the gradient.

        The tensors belong to the autograd graph and must not be modified in place.

        Args:
            activation: output `a` of the activation, `(N, ...)`.
            grad_output: output gradient `R_out`, of the same shape.
            is_last: whether this is the last hidden activation before the output.

        Returns:
            A boolean tensor of the same shape. The gradient of units with False becomes zero.
        """
