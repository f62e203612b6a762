"""RectGrad of a hidden unit instead of an output: what in the input it responds to."""

from collections.abc import Callable, Sequence
from typing import Any, cast

from captum.attr import GradientAttribution, NeuronAttribution
from torch import Tensor, nn
from typing_extensions import Unpack

from captum_rectgrad._captum import (
    NeuronSelector,
    TargetType,
    TensorOrTensors,
    as_arguments,
    as_tuple,
    is_tuple,
    log_usage,
    select_neuron,
)
from captum_rectgrad.attribution import Query
from captum_rectgrad.batching import Call
from captum_rectgrad.checks import check_inputs, check_layers, check_servable
from captum_rectgrad.layer_calls import LayerCalls
from captum_rectgrad.rectgrad import RectGrad
from captum_rectgrad.settings import Options
from captum_rectgrad.wrappers import unwrapped


class NeuronRectGrad(NeuronAttribution, GradientAttribution):  # type: ignore[misc]
    """RectGrad's attribution of one neuron of a hidden layer to the inputs.

    Args:
        model: as in `RectGrad`.
        layer: a module of the model, called once in a forward pass.
        device_ids: taken for the sake of Captum's interface; wrappers that spread a batch over
            devices are unwrapped.
        **options: arguments of `RectGrad`, by keyword.

    Raises:
        TypeError: as in `RectGrad`; `layer` is no module.
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
        **options: Unpack[Options],
    ) -> None:
        """Check the arguments, which the class explains."""
        self.rectgrad = RectGrad(model, **options)
        if not isinstance(layer, nn.Module):
            raise TypeError(f"layer must be one module of the model, got {layer!r}")
        check_layers(unwrapped(model), layer)
        NeuronAttribution.__init__(self, model, layer, device_ids)
        GradientAttribution.__init__(self, model)

    @property
    def multiplies_by_inputs(self) -> bool:
        """Whether the gradient is multiplied by the input."""
        return self.rectgrad.multiplies_by_inputs

    @log_usage
    def attribute(
        self,
        inputs: TensorOrTensors,
        neuron_selector: NeuronSelector,
        additional_forward_args: object = None,
        attribute_to_neuron_input: bool = False,
        internal_batch_size: int | None = None,
    ) -> TensorOrTensors:
        """Attribute one neuron to the inputs.

        Args:
            inputs: `(N, ...)`, or a tuple of such, as in `RectGrad.attribute`.
            neuron_selector: an int where the layer is `(N, units)`; a tuple with an int or slice
                for each dimension but the first, slices meaning the sum; or a function from the
                layer's tensor (or tuple of tensors) to one number, or one per sample.
            additional_forward_args: further arguments of the model.
            attribute_to_neuron_input: choose the neuron from the layer's input, not its output.
            internal_batch_size: samples in one pass; None: all.

        Returns:
            For each input a tensor of its shape and dtype.

        Raises:
            TypeError, ValueError: as in `RectGrad.attribute`.
            AssertionError: `neuron_selector` does not fit the layer, as in Captum's methods.
            RectGradError: the neuron does not depend on an input; or the layer is not called once.

        Warns:
            RectGradWarning: as in `RectGrad.attribute`; also where no activation lies between the
                inputs and the neuron.
        """
        model = unwrapped(self.forward_func)
        check_servable(model)
        settings = self.rectgrad.settings
        layers = check_layers(model, self.layer)
        query = Query(
            model,
            settings,
            _neuron(neuron_selector),
            layers=layers,
            at_layer_input=attribute_to_neuron_input,
        )
        tensors = check_inputs(as_tuple(inputs))
        call = Call(tensors, None, as_arguments(additional_forward_args))
        (attributions,), doubts = query.attributions(call, internal_batch_size)
        doubts.warn(settings)
        return cast("TensorOrTensors", attributions if is_tuple(inputs) else attributions[0])


def _neuron(selector: NeuronSelector) -> Callable[[Any, TargetType, LayerCalls], Tensor]:
    def objective(output: Any, target: TargetType, calls: LayerCalls) -> Tensor:
        del output, target
        (name,) = calls.layers
        tensors = tuple(point.tensor for point in calls.only(name))
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in tensors)
        try:
            selected: object = select_neuron(tensors, selector)
        except (IndexError, TypeError, ValueError, RuntimeError) as error:
            if callable(selector):
                raise
            raise AssertionError(
                f"neuron_selector {selector!r} does not fit the layer's {shapes}: {error}"
            ) from error
        if isinstance(selector, tuple) and _empty(selector, tensors[0].shape[1:]):
            raise AssertionError(f"neuron_selector {selector!r} chooses nothing of {shapes}")
        if not isinstance(selected, Tensor):
            raise TypeError(f"neuron_selector must return a tensor, got {type(selected).__name__}")
        if selected.dim() > 1:
            raise AssertionError(
                f"the layer has {shapes} and neuron_selector {selector!r} leaves "
                f"{tuple(selected.shape)}: choose one number per sample"
            )
        return selected

    return objective


def _empty(selector: tuple[int | slice, ...], shape: Sequence[int]) -> bool:
    return any(
        isinstance(item, slice) and not range(size)[item]
        for item, size in zip(selector, shape, strict=False)
    )
