"""RectGrad at hidden layers: how a map forms from the output towards the input."""

from collections.abc import Sequence
from typing import Any

from captum.attr import GradientAttribution, LayerAttribution
from torch import Tensor, nn
from typing_extensions import Unpack

from captum_rectgrad._captum import TargetType, as_arguments, as_tuple, log_usage
from captum_rectgrad.attribution import Query, selected_output
from captum_rectgrad.batching import Call
from captum_rectgrad.checks import check_inputs, check_layers, check_servable
from captum_rectgrad.rectgrad import RectGrad
from captum_rectgrad.settings import Options
from captum_rectgrad.wrappers import unwrapped


class LayerRectGrad(LayerAttribution, GradientAttribution):  # type: ignore[misc]
    """RectGrad's attribution of hidden layers, as it propagates (Kim et al. 2019, figure 6).

    The gradient that arrives at a layer, rectified at every activation between the output and that
    layer, times the layer's own value. At the output of an activation it has not been rectified by
    that activation yet; at its input it has.

    Args:
        model: as in `RectGrad`.
        layer: a module of the model, or a list of modules: their attributions all come from one
            backward pass. Each is to be called once in a forward pass.
        device_ids: taken for the sake of Captum's interface; wrappers that spread a batch over
            devices are unwrapped.
        **options: arguments of `RectGrad`, by keyword. `multiply_by_inputs` multiplies by the
            layer's value.

    Raises:
        TypeError: as in `RectGrad`; `layer` is no module.
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
        """Check the arguments, which the class explains."""
        self.rectgrad = RectGrad(model, **options)
        check_layers(unwrapped(model), layer)
        LayerAttribution.__init__(self, model, layer, device_ids)
        GradientAttribution.__init__(self, model)

    @property
    def multiplies_by_inputs(self) -> bool:
        """Whether the gradient is multiplied by the layer's value."""
        return self.rectgrad.multiplies_by_inputs

    @log_usage
    def attribute(
        self,
        inputs: Tensor | tuple[Tensor, ...],
        target: TargetType = None,
        additional_forward_args: object = None,
        attribute_to_layer_input: bool = False,
        internal_batch_size: int | None = None,
    ) -> Any:
        """Attribute one output of the model to hidden layers.

        Args:
            inputs: `(N, ...)`, or a tuple of such; they may be integers (tokens).
            target: as in `RectGrad.attribute`: a tensor is `(N,)`.
            additional_forward_args: further arguments of the model.
            attribute_to_layer_input: attribute to what goes into the layer instead of what comes
                out.
            internal_batch_size: samples in one pass; None: all.

        Returns:
            A tensor of the shape of the layer's output (or input), `(N, ...)`; a tuple of such
            where it has several tensors; for a list of layers, a list of these in its order.
            `LayerAttribution.interpolate` enlarges one to the size of the input.

        Raises:
            TypeError, ValueError, AssertionError: as in `RectGrad.attribute`.
            RectGradError: the output does not depend on the layer; or it is not called once; or
                its dimension 0 is not the samples, and the batch had to be divided.

        Warns:
            RectGradWarning: as in `RectGrad.attribute`; but that no activation lies between a layer
                and the output is no reason, as long as the model has some.
        """
        model = unwrapped(self.forward_func)
        check_servable(model)
        settings = self.rectgrad.settings
        layers = check_layers(model, self.layer)
        query = Query(
            model,
            settings,
            selected_output,
            layers=layers,
            at_layer_input=attribute_to_layer_input,
            to_layers=True,
        )
        tensors = check_inputs(as_tuple(inputs), integers=True)
        call = Call(tensors, target, as_arguments(additional_forward_args))
        groups, doubts = query.attributions(call, internal_batch_size)
        doubts.warn(settings)
        found: list[Any] = [group if len(group) > 1 else group[0] for group in groups]
        return found[0] if isinstance(self.layer, nn.Module) else found
