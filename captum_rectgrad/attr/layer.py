"""Attribution to hidden layers."""

from collections.abc import Sequence
from typing import Any

from captum.attr import GradientAttribution, LayerAttribution
from torch import Tensor, nn
from typing_extensions import Unpack

from captum_rectgrad._engine.activations import Activations
from captum_rectgrad._engine.attribution import AttributionRequest
from captum_rectgrad._engine.captum_compat import TargetType, log_usage
from captum_rectgrad._engine.outputs import OutputChoice
from captum_rectgrad._engine.settings import Settings
from captum_rectgrad._engine.validation import check_device_ids, check_layers
from captum_rectgrad._engine.wrappers import unwrapped
from captum_rectgrad.attr.base import HasSettings, attributions
from captum_rectgrad.attr.options import Options
from captum_rectgrad.attr.rectgrad import RectGrad
from captum_rectgrad.attr.relu_rules import sign_settings


class LayerModifiedGradient(HasSettings, LayerAttribution, GradientAttribution):  # type: ignore[misc]
    """Attribution to hidden layers with a modified gradient.

    The rule modifies the gradient at every activation between the output and the layer. An
    activation modifies the gradient of its own input, but not that of its own output.

    Args:
        model: as in `RectGrad`.
        layer: module of the model, or list of modules for attributions of one backward pass. Each
            module must be called once per forward pass.
        settings: settings of the method.
        device_ids: unused, for compatibility with Captum. `DataParallel` wrappers are removed.

    Raises:
        TypeError: as in `RectGrad`; `layer` is not a module.
        ValueError: as in `RectGrad`; `layer` is not part of the model.
    """

    def __init__(
        self,
        model: nn.Module,
        layer: nn.Module | Sequence[nn.Module],
        settings: Settings,
        device_ids: list[int] | None = None,
    ) -> None:
        """Check the arguments."""
        self._set_up(model, settings)
        check_layers(unwrapped(model), layer)
        check_device_ids(device_ids)
        LayerAttribution.__init__(self, model, layer, device_ids)
        GradientAttribution.__init__(self, model)

    @log_usage
    def attribute(
        self,
        inputs: Tensor | tuple[Tensor, ...],
        target: TargetType = None,
        additional_forward_args: object = None,
        attribute_to_layer_input: bool = False,
        internal_batch_size: int | None = None,
        create_graph: bool = False,
    ) -> Any:
        """Attribute one output of the model to hidden layers.

        Args:
            inputs: tensor `(N, ...)` or tuple of such tensors. Integers, such as tokens, are
                allowed.
            target: as in `RectGrad.attribute`; a tensor has the shape `(N,)`.
            additional_forward_args: further arguments of the model.
            attribute_to_layer_input: attribute to the input of the layer instead of its output.
            internal_batch_size: number of samples per pass; None for all.
            create_graph: return differentiable attributions.

        Returns:
            A tensor of the shape of the layer's output (or input), `(N, ...)`; a tuple of such
            tensors if the layer has several; for a list of layers, a list of these results in the
            same order. `LayerAttribution.interpolate` resizes a result to the size of the input.

        Raises:
            TypeError, ValueError, AssertionError: as in `RectGrad.attribute`.
            RectGradError: the output does not depend on the layer; the layer is not called exactly
                once; or the batch was split and dimension 0 of the layer is not the batch.

        Warns:
            RectGradWarning: as in `RectGrad.attribute`. A missing activation is reported only if
                the model has none.
        """
        model = unwrapped(self.forward_func)
        request = AttributionRequest(
            model,
            self.settings,
            layers=check_layers(model, self.layer),
            at_layer_input=attribute_to_layer_input,
            to_layers=True,
            create_graph=create_graph,
        )
        groups = attributions(
            request, inputs, target, additional_forward_args, internal_batch_size
        ).groups
        found: list[Any] = [group if len(group) > 1 else group[0] for group in groups]
        return found[0] if isinstance(self.layer, nn.Module) else found


class LayerRectGrad(LayerModifiedGradient):
    """RectGrad's attribution to hidden layers (Kim et al. 2019, figure 6).

    The result is the gradient at the layer, rectified at every activation between the output and
    the layer, times the layer's value. An activation rectifies the gradient of its own input, but
    not that of its own output.

    Args:
        model: as in `RectGrad`.
        layer: module of the model, or list of modules for attributions of one backward pass. Each
            module must be called once per forward pass.
        device_ids: unused, for compatibility with Captum. `DataParallel` wrappers are removed.
        **options: keyword arguments of `RectGrad`. `multiply_by_inputs` multiplies by the value
            of the layer.

    Raises:
        TypeError: as in `RectGrad`; `layer` is not a module.
        ValueError: as in `RectGrad`; `layer` is not part of the model.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> from captum_rectgrad import LayerRectGrad
        >>> model = nn.Sequential(nn.Linear(12, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(),
        ...                       nn.Linear(64, 10))
        >>> method = LayerRectGrad(model, [model[0], model[2]], percentile=80)
        >>> [a.shape for a in method.attribute(torch.rand(5, 12), target=4)]
        [torch.Size([5, 64]), torch.Size([5, 64])]
    """

    def __init__(
        self,
        model: nn.Module,
        layer: nn.Module | Sequence[nn.Module],
        device_ids: list[int] | None = None,
        **options: Unpack[Options],
    ) -> None:
        """Check the arguments."""
        super().__init__(model, layer, RectGrad(model, **options).settings, device_ids)


class LayerGuidedBackprop(LayerModifiedGradient):
    """Guided backpropagation at hidden layers; see `GuidedBackprop`.

    Args:
        model: as in `RectGrad`.
        layer: as in `LayerRectGrad`.
        device_ids: as in `LayerRectGrad`.
        activations: as in `RectGrad`.
        output: as in `RectGrad`.

    Raises:
        TypeError: as in `LayerRectGrad`.
        ValueError: as in `LayerRectGrad`.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> from captum_rectgrad import LayerGuidedBackprop
        >>> model = nn.Sequential(nn.Linear(12, 64), nn.ReLU(), nn.Linear(64, 10))
        >>> LayerGuidedBackprop(model, model[0]).attribute(torch.rand(5, 12), target=4).shape
        torch.Size([5, 64])
    """

    def __init__(
        self,
        model: nn.Module,
        layer: nn.Module | Sequence[nn.Module],
        device_ids: list[int] | None = None,
        activations: Activations = None,
        *,
        output: OutputChoice = None,
    ) -> None:
        """Check the arguments."""
        super().__init__(model, layer, sign_settings("guided", activations, output), device_ids)


class LayerDeconvolution(LayerModifiedGradient):
    """Deconvolution at hidden layers; see `Deconvolution`.

    Args:
        model: as in `RectGrad`.
        layer: as in `LayerRectGrad`.
        device_ids: as in `LayerRectGrad`.
        activations: as in `RectGrad`.
        output: as in `RectGrad`.

    Raises:
        TypeError: as in `LayerRectGrad`.
        ValueError: as in `LayerRectGrad`.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> from captum_rectgrad import LayerDeconvolution
        >>> model = nn.Sequential(nn.Linear(12, 64), nn.ReLU(), nn.Linear(64, 10))
        >>> LayerDeconvolution(model, model[0]).attribute(torch.rand(5, 12), target=4).shape
        torch.Size([5, 64])
    """

    def __init__(
        self,
        model: nn.Module,
        layer: nn.Module | Sequence[nn.Module],
        device_ids: list[int] | None = None,
        activations: Activations = None,
        *,
        output: OutputChoice = None,
    ) -> None:
        """Check the arguments."""
        super().__init__(model, layer, sign_settings("deconvnet", activations, output), device_ids)
