"""The rules of deconvolution and guided backpropagation, which depend on signs."""

from dataclasses import dataclass
from typing import Literal, get_args

from torch import Tensor

SignName = Literal["deconvnet", "guided"]
SIGNS: tuple[SignName, ...] = get_args(SignName)


@dataclass(frozen=True)
class SignRule:
    """A backward rule of the form `h(R_out) * g'(z)` (Nie et al. 2018, equations 1 to 3).

    Nie et al. consider ReLUs only. For other activations, this rule uses the sign of the
    activation `a` instead of the pre-activation. If no activation is negative, guided
    backpropagation equals PR1 with a threshold of 0 (claim 2 of Kim et al. 2019). A sigmoid, as in
    squeeze-and-excitation, is always active.

    Attributes:
        name: `"deconvnet"`: the gradient passes where `R_out > 0`; `"guided"`: where `R_out > 0`
            and `a > 0`. Equation 1, the plain gradient, needs no rule.

    Raises:
        ValueError: `name` is unknown.

    Examples:
        >>> import torch
        >>> from captum_rectgrad import SignRule
        >>> activation = torch.tensor([[0.0, 1.0, 2.0]])
        >>> grad_output = torch.tensor([[3.0, 4.0, -5.0]])
        >>> SignRule("guided").keep(activation, grad_output, is_last=True)
        tensor([[False,  True, False]])
    """

    name: SignName

    def __post_init__(self) -> None:
        """Check the name."""
        if self.name not in SIGNS:
            raise ValueError(f"name must be one of {', '.join(SIGNS)}, got {self.name!r}")

    def keep(self, activation: Tensor, grad_output: Tensor, *, is_last: bool) -> Tensor:
        """Select the units that propagate the gradient.

        Args:
            activation: activation `a`, `(N, ...)`.
            grad_output: output gradient `R_out`, of the same shape.
            is_last: unused.

        Returns:
            A boolean tensor of the same shape.
        """
        del is_last
        positive = grad_output > 0
        return positive if self.name == "deconvnet" else positive & (activation > 0)
