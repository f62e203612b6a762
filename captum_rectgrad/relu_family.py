"""Saliency map, DeconvNet and guided backpropagation: one family of backward rules.

Nie et al. 2018, "A Theoretical Explanation for Perplexing Behaviors of Backpropagation-based
Visualizations", equations 1 to 3. At a ReLU the gradient `R_out` becomes `h(R_out) * g'(z)`; the
three differ in which of h and g are the ReLU itself, and which the identity.

They are what Captum's Saliency, Deconvolution and GuidedBackprop are meant to be, on any model that
RectGrad can serve: with activations called as functions, in place, several times, or beside a skip
connection.
"""

from torch import nn

from captum_rectgrad.activations import Activations, Choice
from captum_rectgrad.checks import check_activations
from captum_rectgrad.modified_gradient import ModifiedGradient
from captum_rectgrad.rules import SignGate, SignRule
from captum_rectgrad.settings import Settings


def _settings(rule: SignRule, activations: Activations) -> Settings:
    return Settings(
        SignGate(rule),
        Choice(None if activations is None else check_activations(activations)),
        padding_trick=False,
        prr=False,
        final_threshold=False,
        multiply_by_inputs=False,
    )


class SaliencyMap(ModifiedGradient):
    """The gradient itself (Simonyan et al. 2014), signed: the h of Nie et al. is the identity.

    Args:
        model: as in `RectGrad`.

    Raises:
        TypeError: as in `RectGrad`.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> from captum_rectgrad import SaliencyMap
        >>> model = nn.Sequential(nn.Linear(12, 64), nn.ReLU(), nn.Linear(64, 10))
        >>> SaliencyMap(model).attribute(torch.rand(2, 12), target=4).shape
        torch.Size([2, 12])
    """

    def __init__(self, model: nn.Module) -> None:
        """Check the model."""
        super().__init__(model, _settings("vanilla", None))


class DeconvNet(ModifiedGradient):
    """The positive part of the gradient at every activation (Zeiler and Fergus 2014).

    A ReLU passes it through inactive units too, so that nothing of its forward pass remains; what
    max-pooling, products and attention did there still counts. Any other activation multiplies by
    its derivative.

    Args:
        model: as in `RectGrad`.
        activations: as in `RectGrad`.

    Raises:
        TypeError: as in `RectGrad`.
        ValueError: as in `RectGrad`.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> from captum_rectgrad import DeconvNet
        >>> model = nn.Sequential(nn.Linear(12, 64), nn.ReLU(), nn.Linear(64, 10))
        >>> DeconvNet(model).attribute(torch.rand(2, 12), target=4).shape
        torch.Size([2, 12])
    """

    def __init__(self, model: nn.Module, activations: Activations = None) -> None:
        """Check the arguments, which the class explains."""
        super().__init__(model, _settings("deconvnet", activations))


class GuidedBP(ModifiedGradient):
    """The positive part of the gradient, at active units (Springenberg et al. 2015).

    Where an activation is positive, not its input: a sigmoid is so everywhere. Any other than ReLU
    still multiplies by its derivative. On a net whose activations are never negative it is RectGrad
    with `tau=0`, before all that RectGrad does besides (claim 2 of Kim et al. 2019).

    Args:
        model: as in `RectGrad`.
        activations: as in `RectGrad`.

    Raises:
        TypeError: as in `RectGrad`.
        ValueError: as in `RectGrad`.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> from captum_rectgrad import GuidedBP
        >>> model = nn.Sequential(nn.Linear(12, 64), nn.ReLU(), nn.Linear(64, 10))
        >>> GuidedBP(model).attribute(torch.rand(2, 12), target=4).shape
        torch.Size([2, 12])
    """

    def __init__(self, model: nn.Module, activations: Activations = None) -> None:
        """Check the arguments, which the class explains."""
        super().__init__(model, _settings("guided", activations))
