"""Saliency, deconvolution and guided backpropagation: one family of backward rules.

Nie et al. 2018, "A Theoretical Explanation for Perplexing Behaviors of Backpropagation-based
Visualizations", equations 1 to 3. At a ReLU, the output gradient `R_out` becomes
`h(R_out) * g'(z)`. In the three methods, h and g are the identity or the ReLU.

The names, signatures and defaults are those of Captum's methods. The methods support all models
that RectGrad supports, including activations that are functions, work in place, are called several
times or feed a skip connection.
"""

from dataclasses import replace

from torch import nn

from captum_rectgrad._engine.activations import Activations
from captum_rectgrad._engine.captum_compat import TargetType, TensorOrTensors, log_usage
from captum_rectgrad._engine.outputs import OutputChoice, check_output
from captum_rectgrad._engine.settings import Settings
from captum_rectgrad._engine.validation import check_activations
from captum_rectgrad.attr.base import ModifiedGradient
from captum_rectgrad.rules.signs import SignName, SignRule


def sign_settings(
    name: SignName | None, activations: Activations = None, output: OutputChoice = None
) -> Settings:
    """The settings of a method of this family; None for the plain gradient."""
    rule = None if name is None else SignRule(name)
    return Settings(rule, check_activations(activations), output=check_output(output))


def signed_gradient(model: nn.Module) -> ModifiedGradient:
    """The plain gradient as a method: `Saliency` without the absolute value."""
    return ModifiedGradient(model, sign_settings(None))


class Saliency(ModifiedGradient):
    """The plain gradient (Simonyan et al. 2014): equation 1 of Nie et al.

    Args:
        model: as in `RectGrad`.
        output: as in `RectGrad`.

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

    def __init__(self, model: nn.Module, *, output: OutputChoice = None) -> None:
        """Check the arguments."""
        super().__init__(model, sign_settings(None, output=output))

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
            inputs: tensor `(N, ...)` or tuple of such tensors, as in `RectGrad.attribute`.
            target: as in `RectGrad.attribute`; a tensor has the shape `(N,)`.
            abs: return absolute values; False for the signed gradient.
            additional_forward_args: further arguments of the model.
            internal_batch_size: number of samples per pass; None for all.
            create_graph: return differentiable attributions.

        Returns:
            For each input, a tensor of its shape and dtype.

        Raises:
            TypeError, ValueError, AssertionError, RectGradError: as in `RectGrad.attribute`.

        Warns:
            RectGradWarning: as in `RectGrad.attribute`, except the warnings about activations.
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

    A ReLU propagates the gradient also through inactive units, independently of its forward pass.
    Any other activation multiplies the gradient by its derivative. Max-pooling, products and
    attention are differentiated normally.

    Args:
        model: as in `RectGrad`.
        activations: as in `RectGrad`.
        output: as in `RectGrad`.

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

    def __init__(
        self,
        model: nn.Module,
        activations: Activations = None,
        *,
        output: OutputChoice = None,
    ) -> None:
        """Check the arguments."""
        super().__init__(model, sign_settings("deconvnet", activations, output))


class GuidedBackprop(ModifiedGradient):
    """The positive part of the gradient, at active units (Springenberg et al. 2015).

    A unit is active if the activation is positive. A sigmoid is always active. Any activation other
    than ReLU multiplies the gradient by its derivative. If no activation is negative, the result
    equals RectGrad with `tau=0`, without the padding trick, the multiplication by the input and the
    final threshold (claim 2 of Kim et al. 2019).

    Args:
        model: as in `RectGrad`.
        activations: as in `RectGrad`.
        output: as in `RectGrad`.

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

    def __init__(
        self,
        model: nn.Module,
        activations: Activations = None,
        *,
        output: OutputChoice = None,
    ) -> None:
        """Check the arguments."""
        super().__init__(model, sign_settings("guided", activations, output))
