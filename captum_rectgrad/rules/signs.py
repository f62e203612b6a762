"""The rules of the older methods: the gradient passes where signs allow it."""

from dataclasses import dataclass
from typing import Literal, get_args

from torch import Tensor

SignName = Literal["deconvnet", "guided"]
SIGNS: tuple[SignName, ...] = get_args(SignName)


@dataclass(frozen=True)
class SignRule:
    """A backward rule of the form `h(R_out) * g'(z)` (Nie et al. 2018, equations 1 to 3).

    Nie et al. consider ReLUs only, whose pre-activation and activation are positive together. For
    other activations the sign of `a` decides. So guided backpropagation is PR1 with a threshold of
    0 wherever no activation is negative (claim 2 of Kim et al. 2019), and a sigmoid, as in
    squeeze-and-excitation, is always active.

    Attributes:
        name: `"deconvnet"`: the gradient passes where `R_out > 0`; `"guided"`: where `R_out > 0`
            and `a > 0`. (Equation 1, the gradient itself, needs no rule.)

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
        """Choose the units that pass, as every `Rule` does.

        Args:
            activation: `a`, `(N, ...)`.
            grad_output: `R_out`, of the same shape.
            is_last: has no effect.

        Returns:
            A boolean tensor of that shape.
        """
        del is_last
        positive = grad_output > 0
        return positive if self.name == "deconvnet" else positive & (activation > 0)
