"""Attribution of hidden neurons to the inputs."""

from collections.abc import Sequence
from typing import Any, cast

from captum.attr import GradientAttribution, NeuronAttribution
from torch import Tensor, nn
from typing_extensions import Unpack

from captum_rectgrad._engine.activations import Activations
from captum_rectgrad._engine.attribution import AttributionRequest, Objective
from captum_rectgrad._engine.captum_compat import (
    NeuronSelector,
    TensorOrTensors,
    is_tuple,
    log_usage,
    select_neuron,
)
from captum_rectgrad._engine.forward_inputs import ForwardInputs
from captum_rectgrad._engine.layer_recorder import LayerRecorder
from captum_rectgrad._engine.settings import Settings
from captum_rectgrad._engine.validation import check_device_ids, check_layers
from captum_rectgrad._engine.wrappers import unwrapped
from captum_rectgrad.attr.base import HasSettings, attributions
from captum_rectgrad.attr.options import OptionsButOutput
from captum_rectgrad.attr.rectgrad import RectGrad
from captum_rectgrad.attr.relu_rules import sign_settings


class NeuronModifiedGradient(HasSettings, NeuronAttribution, GradientAttribution):  # type: ignore[misc]
    """Attribution of one hidden neuron to the inputs with a modified gradient.

    Args:
        model: as in `RectGrad`.
        layer: module of the model, called once per forward pass.
        settings: settings of the method.
        device_ids: unused, for compatibility with Captum. `DataParallel` wrappers are removed.

    Raises:
        TypeError: as in `RectGrad`; `layer` is not a module.
        ValueError: as in `RectGrad`; `layer` is not part of the model.
    """

    def __init__(
        self,
        model: nn.Module,
        layer: nn.Module,
        settings: Settings,
        device_ids: list[int] | None = None,
    ) -> None:
        """Check the arguments."""
        if not isinstance(layer, nn.Module):
            raise TypeError(
                f"layer must be one module of the model, got {layer!r}; choose among "
                "model.named_modules()"
            )
        self._set_up(model, settings)
        check_layers(unwrapped(model), layer)
        check_device_ids(device_ids)
        NeuronAttribution.__init__(self, model, layer, device_ids)
        GradientAttribution.__init__(self, model)

    @log_usage
    def attribute(
        self,
        inputs: TensorOrTensors,
        neuron_selector: NeuronSelector,
        additional_forward_args: object = None,
        attribute_to_neuron_input: bool = False,
        internal_batch_size: int | None = None,
        create_graph: bool = False,
    ) -> TensorOrTensors:
        """Attribute one neuron to the inputs.

        Args:
            inputs: tensor `(N, ...)` or tuple of such tensors, as in `RectGrad.attribute`.
            neuron_selector: an int for a layer `(N, units)`; a tuple with an int or a slice for
                each dimension except the first, where a slice selects the sum; or a function from
                the layer's tensor (or tuple of tensors) to one number, or to one per sample.
            additional_forward_args: further arguments of the model.
            attribute_to_neuron_input: select the neuron from the layer's input instead of its
                output.
            internal_batch_size: number of samples per pass; None for all.
            create_graph: return differentiable attributions.

        Returns:
            For each input, a tensor of its shape and dtype.

        Raises:
            TypeError, ValueError: as in `RectGrad.attribute`.
            AssertionError: `neuron_selector` does not fit the layer, as in Captum.
            RectGradError: the neuron does not depend on an input; or the layer is not called
                exactly once.

        Warns:
            RectGradWarning: as in `RectGrad.attribute`, including no activation between the inputs
                and the neuron.
        """
        model = unwrapped(self.forward_func)
        request = AttributionRequest(
            model,
            self.settings,
            _neuron(neuron_selector),
            layers=check_layers(model, self.layer),
            at_layer_input=attribute_to_neuron_input,
            create_graph=create_graph,
        )
        (maps,) = attributions(
            request, inputs, None, additional_forward_args, internal_batch_size
        ).groups
        return cast("TensorOrTensors", maps if is_tuple(inputs) else maps[0])


class NeuronRectGrad(NeuronModifiedGradient):
    """RectGrad's attribution of one hidden neuron to the inputs.

    Args:
        model: as in `RectGrad`.
        layer: module of the model, called once per forward pass.
        device_ids: unused, for compatibility with Captum. `DataParallel` wrappers are removed.
        **options: keyword arguments of `RectGrad`, except `output`.

    Raises:
        TypeError: as in `RectGrad`; `layer` is not a module.
        ValueError: as in `RectGrad`; `layer` is not part of the model.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> from captum_rectgrad import NeuronRectGrad
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3))
        >>> method = NeuronRectGrad(model, model[2], percentile=80)
        >>> method.attribute(torch.rand(5, 3, 9, 9), neuron_selector=(2, 1, 1)).shape
        torch.Size([5, 3, 9, 9])
    """

    def __init__(
        self,
        model: nn.Module,
        layer: nn.Module,
        device_ids: list[int] | None = None,
        **options: Unpack[OptionsButOutput],
    ) -> None:
        """Check the arguments."""
        super().__init__(model, layer, RectGrad(model, **options).settings, device_ids)


class NeuronGuidedBackprop(NeuronModifiedGradient):
    """Guided backpropagation of one neuron; see `GuidedBackprop`.

    Args:
        model: as in `RectGrad`.
        layer: as in `NeuronRectGrad`.
        device_ids: as in `NeuronRectGrad`.
        activations: as in `RectGrad`.

    Raises:
        TypeError: as in `NeuronRectGrad`.
        ValueError: as in `NeuronRectGrad`.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> from captum_rectgrad import NeuronGuidedBackprop
        >>> model = nn.Sequential(nn.Linear(12, 64), nn.ReLU(), nn.Linear(64, 10))
        >>> method = NeuronGuidedBackprop(model, model[2])
        >>> method.attribute(torch.rand(5, 12), neuron_selector=4).shape
        torch.Size([5, 12])
    """

    def __init__(
        self,
        model: nn.Module,
        layer: nn.Module,
        device_ids: list[int] | None = None,
        activations: Activations = None,
    ) -> None:
        """Check the arguments."""
        super().__init__(model, layer, sign_settings("guided", activations), device_ids)


class NeuronDeconvolution(NeuronModifiedGradient):
    """Deconvolution of one neuron; see `Deconvolution`.

    Args:
        model: as in `RectGrad`.
        layer: as in `NeuronRectGrad`.
        device_ids: as in `NeuronRectGrad`.
        activations: as in `RectGrad`.

    Raises:
        TypeError: as in `NeuronRectGrad`.
        ValueError: as in `NeuronRectGrad`.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> from captum_rectgrad import NeuronDeconvolution
        >>> model = nn.Sequential(nn.Linear(12, 64), nn.ReLU(), nn.Linear(64, 10))
        >>> method = NeuronDeconvolution(model, model[2])
        >>> method.attribute(torch.rand(5, 12), neuron_selector=4).shape
        torch.Size([5, 12])
    """

    def __init__(
        self,
        model: nn.Module,
        layer: nn.Module,
        device_ids: list[int] | None = None,
        activations: Activations = None,
    ) -> None:
        """Check the arguments."""
        super().__init__(model, layer, sign_settings("deconvnet", activations), device_ids)


class NeuronGradient(NeuronModifiedGradient):
    """The signed gradient of one neuron, as in Captum's `NeuronGradient`.

    Args:
        model: as in `RectGrad`.
        layer: as in `NeuronRectGrad`.
        device_ids: as in `NeuronRectGrad`.

    Raises:
        TypeError: as in `NeuronRectGrad`.
        ValueError: as in `NeuronRectGrad`.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> from captum_rectgrad import NeuronGradient
        >>> model = nn.Sequential(nn.Linear(12, 64), nn.ReLU(), nn.Linear(64, 10))
        >>> NeuronGradient(model, model[2]).attribute(torch.rand(5, 12), neuron_selector=4).shape
        torch.Size([5, 12])
    """

    def __init__(
        self,
        model: nn.Module,
        layer: nn.Module,
        device_ids: list[int] | None = None,
    ) -> None:
        """Check the arguments."""
        super().__init__(model, layer, sign_settings(None), device_ids)


def _neuron(selector: NeuronSelector) -> Objective:
    def objective(output: Any, call: ForwardInputs, layers: LayerRecorder) -> Tensor:
        del output, call
        (name,) = layers.layers
        tensors = tuple(point.tensor for point in layers.only(name))
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in tensors)
        try:
            selected: object = select_neuron(tensors, selector)
        except (IndexError, TypeError, ValueError, RuntimeError) as error:
            if callable(selector):
                raise
            raise AssertionError(
                f"neuron_selector {selector!r} does not fit a layer of shape {shapes}: {error}"
            ) from error
        if isinstance(selector, tuple) and _empty(selector, tensors[0].shape[1:]):
            raise AssertionError(
                f"neuron_selector {selector!r} selects no neuron of a layer of shape {shapes}; "
                "use a slice that is not empty"
            )
        if not isinstance(selected, Tensor):
            raise TypeError(f"neuron_selector must return a tensor, got {type(selected).__name__}")
        if selected.dim() > 1:
            raise AssertionError(
                f"neuron_selector {selector!r} selects {tuple(selected.shape)} from a layer of "
                f"shape {shapes}; select one number per sample"
            )
        return selected

    return objective


def _empty(selector: tuple[int | slice, ...], shape: Sequence[int]) -> bool:
    return any(
        isinstance(item, slice) and not range(size)[item]
        for item, size in zip(selector, shape, strict=False)
    )
