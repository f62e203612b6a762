"""What a propagation rule is."""

from typing import Protocol

from torch import Tensor


class Rule(Protocol):
    """Decides which units of an activation pass the gradient on.

    A rule sees one call of one activation at a time. What it decides for a sample must not depend
    on the other samples. Any object with this method is a rule; it need not derive from this class.

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
        """Choose the units that pass.

        Args:
            activation: `a`, the output of the activation, `(N, ...)`.
            grad_output: `R_out`, the gradient that arrives there, of the same shape.
            is_last: whether this is the last hidden activation before the output.

        Returns:
            A boolean tensor of that shape. Where it is False, the gradient becomes zero.
        """
