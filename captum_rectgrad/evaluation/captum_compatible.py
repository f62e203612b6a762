"""The same function in modules that Captum's hooks can serve.

Captum's GuidedBackprop hooks `nn.ReLU` and nothing else, DeepLift has rules for a few more; both
give the plain gradient at any other activation without a word.
"""

import copy

from torch import Tensor, nn


class ReLU6OfReLUs(nn.Module):
    """ReLU6 as `r - max(r - 6, 0)`, `r = max(z, 0)`: the same numbers to the last bit.

    Only the first is an `nn.ReLU`, so that guided backpropagation filters the gradient once, as it
    is meant for a ReLU6; the other is a leaky one of slope 0, for which DeepLift has a rule too.
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


def for_captum(model: nn.Module) -> nn.Module:
    """A copy of the model that computes the same, with nothing in place and no `nn.ReLU6`.

    Args:
        model: any; it is not changed.

    Returns:
        A deep copy, sharing no parameter.
    """
    model = copy.deepcopy(model)
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is nn.ReLU6:
                setattr(parent, name, ReLU6OfReLUs())
            elif getattr(child, "inplace", False):
                child.inplace = False  # type: ignore[assignment]
    return model
