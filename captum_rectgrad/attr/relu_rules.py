"""Saliency, deconvolution and guided backpropagation: one family of backward rules.

Nie et al. 2018, "A Theoretical Explanation for Perplexing Behaviors of Backpropagation-based
Visualizations", equations 1 to 3. At a ReLU the gradient `R_out` becomes `h(R_out) * g'(z)`; the
three differ in which of h and g are the ReLU itself, and which the identity.

They have the names, signatures and defaults of Captum's methods and are right on any model that
RectGrad can serve: with activations called as functions, in place, several times, or beside a skip
connection.
"""

from dataclasses import replace

from torch import nn

from captum_rectgrad._engine.activations import Activations
from captum_rectgrad._engine.captum_compat import TargetType, TensorOrTensors, log_usage
from captum_rectgrad._engine.settings import Settings
from captum_rectgrad._engine.validation import check_activations
from captum_rectgrad.attr.base import ModifiedGradient
from captum_rectgrad.rules.signs import SignName, SignRule


def sign_settings(name: SignName | None, activations: Activations = None) -> Settings:
    """The settings of a method of this family; None: the gradient itself."""
    return Settings(None if name is None else SignRule(name), check_activations(activations))


def signed_gradient(model: nn.Module) -> ModifiedGradient:
    """The gradient itself as a method: `Saliency` without the absolute value."""
    return ModifiedGradient(model, sign_settings(None))


class Saliency(ModifiedGradient):
    """The gradient itself (Simonyan et al. 2014): the h of Nie et al. is the identity.

    Args:
        model: as in `RectGrad`.

    Raises:
        TypeError: as in `RectGrad`.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> from captum_rectgrad import Saliency
        >>> model = nn.Sequential(nn.Linear(12, 64), nn.ReLU(), nn.Linear(64, 10))
        >>> Saliency(model).attribute(torch.rand(2, 12), target=4).shape
        torch.Size([2, 12])
    """

    def __init__(self, model: nn.Module) -> None:
        """Check the model."""
        super().__init__(model, sign_settings(None))

    @log_usage
    def attribute(  # type: ignore[override]  # the order of Captum's arguments
        self,
        inputs: TensorOrTensors,
        target: TargetType = None,
        abs: bool = True,  # noqa: A002 (Captum's name)
        additional_forward_args: object = None,
        internal_batch_size: int | None = None,
        create_graph: bool = False,
    ) -> TensorOrTensors:
        """Attribute one output of the model to its inputs.

        Args:
            inputs: `(N, ...)`, or a tuple of such, as in `RectGrad.attribute`.
            target: as in `RectGrad.attribute`: a tensor is `(N,)`.
            abs: return absolute values, else the signed gradient.
            additional_forward_args: further arguments of the model.
            internal_batch_size: samples in one pass; None: all.
            create_graph: make attributions that can be differentiated.

        Returns:
            For each input a tensor of its shape and dtype.

        Raises:
            TypeError, ValueError, AssertionError, RectGradError: as in `RectGrad.attribute`.

        Warns:
            RectGradWarning: as in `RectGrad.attribute`, but for what concerns activations.
        """
        maps, _ = self._attribute(
            replace(self.settings, absolute=abs),
            inputs,
            target,
            additional_forward_args,
            internal_batch_size,
            create_graph=create_graph,
        )
        return maps


class Deconvolution(ModifiedGradient):
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
        >>> from captum_rectgrad import Deconvolution
        >>> model = nn.Sequential(nn.Linear(12, 64), nn.ReLU(), nn.Linear(64, 10))
        >>> Deconvolution(model).attribute(torch.rand(2, 12), target=4).shape
        torch.Size([2, 12])
    """

    def __init__(self, model: nn.Module, activations: Activations = None) -> None:
        """Check the arguments, which the class explains."""
        super().__init__(model, sign_settings("deconvnet", activations))


class GuidedBackprop(ModifiedGradient):
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
        >>> from captum_rectgrad import GuidedBackprop
        >>> model = nn.Sequential(nn.Linear(12, 64), nn.ReLU(), nn.Linear(64, 10))
        >>> GuidedBackprop(model).attribute(torch.rand(2, 12), target=4).shape
        torch.Size([2, 12])
    """

    def __init__(self, model: nn.Module, activations: Activations = None) -> None:
        """Check the arguments, which the class explains."""
        super().__init__(model, sign_settings("guided", activations))
