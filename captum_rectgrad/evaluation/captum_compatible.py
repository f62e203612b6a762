"""Copies of a model without in-place operations and `nn.ReLU6`, for Captum's hooks.

Captum's GuidedBackprop only hooks `nn.ReLU` modules, and DeepLift has rules for a few more. Both
return the plain gradient at any other activation, without a warning.
"""

import copy

from torch import Tensor, nn


class ReLU6OfReLUs(nn.Module):
    """ReLU6 as `r - max(r - 6, 0)` with `r = max(z, 0)`; outputs are identical to the last bit.

    Only the first module is an `nn.ReLU`, so guided backpropagation filters the gradient once, as
    intended for a ReLU6. The second is a leaky ReLU of slope 0, for which DeepLift has a rule too.
    """

    def __init__(self) -> None:
        super().__init__()
        self.relu = nn.ReLU()
        self.excess = nn.LeakyReLU(0.0)

    def forward(self, z: Tensor) -> Tensor:
        """Clip to [0, 6].

        Args:
            z: any shape.

        Returns:
            The same shape.
        """
        r = self.relu(z)
        clipped: Tensor = r - self.excess(r - 6)
        return clipped


def captum_compatible(model: nn.Module) -> nn.Module:
    """A copy of the model with the same output, without in-place operations and `nn.ReLU6`.

    Args:
        model: any model; it is not changed.

    Returns:
        A deep copy that shares no parameter with the model.
    """
    model = copy.deepcopy(model)
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is nn.ReLU6:
                setattr(parent, name, ReLU6OfReLUs())
            elif getattr(child, "inplace", False):
                child.inplace = False  # type: ignore[assignment]
    return model
