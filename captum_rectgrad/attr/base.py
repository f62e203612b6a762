"""The base class of methods with a modified gradient."""

from dataclasses import fields
from typing import Any, Literal, cast, overload

from captum.attr import GradientAttribution
from torch import nn

from captum_rectgrad._engine.attribution import AttributionRequest, Attributions
from captum_rectgrad._engine.captum_compat import (
    TargetType,
    TensorOrTensors,
    as_arguments,
    as_tuple,
    is_tuple,
    log_usage,
)
from captum_rectgrad._engine.diagnostics import warn
from captum_rectgrad._engine.forward_inputs import ForwardInputs
from captum_rectgrad._engine.settings import Settings
from captum_rectgrad._engine.statistics import LayerStatistics
from captum_rectgrad._engine.validation import check_inputs, check_model, read_target
from captum_rectgrad._engine.wrappers import unwrapped

# From `warn` to the line that called `attribute`: past `attributions`, the method and Captum's
# log_usage.
_STACKLEVEL = 4


def attributions(
    request: AttributionRequest,
    inputs: object,
    target: TargetType,
    additional_forward_args: object,
    internal_batch_size: int | None,
    stacklevel: int = _STACKLEVEL,
) -> Attributions:
    """Run a request and raise warnings at the caller of the calling method."""
    tensors = check_inputs(as_tuple(inputs), integers=request.to_layers)
    call = ForwardInputs(
        tensors, target, as_arguments(additional_forward_args), read_target(tensors, target)
    )
    found = request.attributions(call, internal_batch_size)
    settings = request.settings
    warn(found.diagnostics.messages(settings.rule, settings.activations), stacklevel)
    return found


class HasSettings:
    """Common base of the methods for inputs, layers and neurons.

    Attributes:
        settings: settings of the method.
    """

    settings: Settings

    @property
    def multiplies_by_inputs(self) -> bool:
        """Whether attributions are multiplied by the inputs (or layer values)."""
        return self.settings.multiply_by_inputs

    def __repr__(self) -> str:
        """The class of the model, the rule, and the settings that are not off."""
        usual = Settings(self.settings.rule)
        changed = [
            f"{each.name}={getattr(self.settings, each.name)!r}"
            for each in fields(Settings)
            if each.name == "rule" or getattr(self.settings, each.name) != getattr(usual, each.name)
        ]
        model: Any = getattr(self, "forward_func", None)
        return f"{type(self).__name__}({', '.join([type(model).__name__, *changed])})"

    def _set_up(self, model: nn.Module, settings: Settings) -> None:
        check_model(model, settings.activations)
        self.settings = settings


class ModifiedGradient(HasSettings, GradientAttribution):  # type: ignore[misc]
    """A gradient modified by a rule at every activation.

    Args:
        model: as in `RectGrad`.
        settings: settings of the method.

    Raises:
        TypeError: `model` is not an `nn.Module`, or is scripted, exported or quantized.
        ValueError: a module in `activations` is not part of the model.
    """

    def __init__(self, model: nn.Module, settings: Settings) -> None:
        """Check the model."""
        self._set_up(model, settings)
        super().__init__(model)
        self.model = model

    @overload
    def attribute(
        self,
        inputs: TensorOrTensors,
        target: TargetType = None,
        additional_forward_args: object = None,
        internal_batch_size: int | None = None,
        create_graph: bool = False,
        return_layer_statistics: Literal[False] = False,
    ) -> TensorOrTensors: ...
    @overload
    def attribute(
        self,
        inputs: TensorOrTensors,
        target: TargetType = None,
        additional_forward_args: object = None,
        internal_batch_size: int | None = None,
        create_graph: bool = False,
        *,
        return_layer_statistics: Literal[True],
    ) -> tuple[TensorOrTensors, list[LayerStatistics]]: ...
    @log_usage
    def attribute(
        self,
        inputs: TensorOrTensors,
        target: TargetType = None,
        additional_forward_args: object = None,
        internal_batch_size: int | None = None,
        create_graph: bool = False,
        return_layer_statistics: bool = False,
    ) -> TensorOrTensors | tuple[TensorOrTensors, list[LayerStatistics]]:
        """Attribute one output of the model to its inputs.

        Args:
            inputs: tensor `(N, ...)` or tuple of such tensors with the same `N`, floating point
                and finite.
            target: index of the output, as in Captum: an int or a tuple for all samples, a list or
                a tensor `(N,)` with one entry per sample, or None if the model returns one number
                per sample. Also a function from the model's return value (with `output`, from the
                chosen tensor) to one number per sample, such as those of
                `captum_rectgrad.targets`.
            additional_forward_args: further arguments of the model.
            internal_batch_size: number of samples per forward and backward pass, to limit the
                memory; None for all. Results agree up to rounding, since thresholds are per sample.
                Tensors in `additional_forward_args` with the length of the batch are split too, as
                in Captum.
            create_graph: return differentiable attributions, with respect to the parameters and to
                inputs that require a gradient. The masks are treated as constants.
            return_layer_statistics: also return statistics of each activation.

        Returns:
            For each input, a tensor of its shape and dtype. The unit is that of the output with
            `multiply_by_inputs`, otherwise that of the output per input. With `final_threshold`,
            values are non-negative. With `return_layer_statistics`, a pair of this result and a
            list with one `LayerStatistics` per call of an activation, from the output to the input.

        Raises:
            TypeError: an input is not a floating point tensor; the model returns no tensor, or
                several of which `output` chooses none.
            ValueError: an input is NaN or infinite, batch sizes differ, or `internal_batch_size`
                is below 1.
            AssertionError: `target` does not fit the output.
            RectGradError: the output does not depend on an input, or its first dimension is not
                the batch; or PRR does not support a pooling.

        Warns:
            RectGradWarning: no activation was found, so the map is the plain gradient; hooks cannot
                reach an activation; no gradient passed a layer, so a map is all zero; a map or the
                output is not finite; batch normalisation is in training mode; `percentile` is
                between 0 and 1; or, on the CPU, outputs look like probabilities or inputs like
                images in 0 to 255.

        Examples:
            >>> import rectgrad_zoo, torch
            >>> from captum_rectgrad import RectGrad
            >>> model = rectgrad_zoo.load("cifar10_cnn")
            >>> images = torch.rand(2, 3, 32, 32) * 2 - 1
            >>> RectGrad(model).attribute(images, target=[3, 5]).shape
            torch.Size([2, 3, 32, 32])
        """
        maps, statistics = self._attribute(
            self.settings,
            inputs,
            target,
            additional_forward_args,
            internal_batch_size,
            create_graph=create_graph,
            with_statistics=return_layer_statistics,
        )
        return (maps, statistics) if return_layer_statistics else maps

    def _attribute(
        self,
        settings: Settings,
        inputs: TensorOrTensors,
        target: TargetType,
        additional_forward_args: object,
        internal_batch_size: int | None,
        *,
        create_graph: bool,
        with_statistics: bool = False,
    ) -> tuple[TensorOrTensors, list[LayerStatistics]]:
        request = AttributionRequest(
            unwrapped(self.model),
            settings,
            create_graph=create_graph,
            with_statistics=with_statistics,
        )
        found = attributions(
            request, inputs, target, additional_forward_args, internal_batch_size, _STACKLEVEL + 1
        )
        (maps,) = found.groups
        return cast("TensorOrTensors", maps if is_tuple(inputs) else maps[0]), found.statistics

    def attribute_future(self) -> None:
        """Not implemented, as in Captum's own gradient methods.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError(f"attribute_future is not implemented for {type(self).__name__}")
