"""What all methods that change the gradient on its way to the inputs have in common."""

from typing import cast

from captum.attr import GradientAttribution
from torch import nn

from captum_rectgrad._captum import (
    TargetType,
    TensorOrTensors,
    as_arguments,
    as_tuple,
    is_tuple,
    log_usage,
)
from captum_rectgrad.attribution import Query, selected_output
from captum_rectgrad.batching import Call
from captum_rectgrad.checks import check_inputs, check_parts, check_servable
from captum_rectgrad.settings import Settings
from captum_rectgrad.wrappers import unwrapped


class ModifiedGradient(GradientAttribution):  # type: ignore[misc]
    """A gradient that a rule changes at every activation.

    Args:
        model: as in `RectGrad`.
        settings: the rule, where it applies, and what becomes of the gradient that arrives.

    Raises:
        TypeError: `model` is no `nn.Module`, or scripted, exported or quantized.
        ValueError: a chosen activation is not part of the model.
    """

    def __init__(self, model: nn.Module, settings: Settings) -> None:
        """Check the model."""
        check_servable(model)
        super().__init__(model)
        self.model = model
        self.settings = settings
        check_parts(unwrapped(model), settings.choice)

    @property
    def multiplies_by_inputs(self) -> bool:
        """Whether the gradient is multiplied by the input, as Captum asks of its methods."""
        return self.settings.multiply_by_inputs

    @log_usage
    def attribute(
        self,
        inputs: TensorOrTensors,
        target: TargetType = None,
        additional_forward_args: object = None,
        internal_batch_size: int | None = None,
    ) -> TensorOrTensors:
        """Attribute one output of the model to its inputs.

        Args:
            inputs: `(N, ...)`, floating point and finite, or a tuple of such with the same `N`.
            target: which output of each sample, in any of Captum's forms: an int or tuple for
                all samples, a list or a tensor `(N,)` with one entry per sample, or None where the
                model returns one number per sample.
            additional_forward_args: further arguments of the model, not attributed to.
            internal_batch_size: samples in one forward and backward pass, to bound the memory;
                None: all. The maps are the same to rounding, since thresholds are per sample.
                Tensors among `additional_forward_args` are divided too if they are as long as the
                batch, as in Captum's methods.

        Returns:
            For each input a tensor of its shape and dtype. Units are those of the output (with
            `multiply_by_inputs`) or of the output per input. With `final_threshold`, not negative.

        Raises:
            TypeError: an input is no floating point tensor; the output is no tensor.
            ValueError: an input is NaN or infinite, batch sizes differ, or `internal_batch_size`
                is below 1.
            AssertionError: `target` does not fit the output.
            RectGradError: the output does not depend on an input, or its first dimension is not
                the samples; the model differentiates in its own forward; or PRR cannot serve a
                pooling.

        Warns:
            RectGradWarning: no activation was met, so the map is a plain gradient; some were where
                no hook reaches them; nothing passed some layer, so a map is all zero; a map or the
                output is not finite; or batch normalisation is in training mode.

        Examples:
            >>> import rectgrad_zoo, torch
            >>> from captum_rectgrad import RectGrad
            >>> model = rectgrad_zoo.load("cifar10_cnn")
            >>> images = torch.rand(2, 3, 32, 32) * 2 - 1
            >>> RectGrad(model).attribute(images, target=[3, 5]).shape
            torch.Size([2, 3, 32, 32])
        """
        model = unwrapped(self.model)
        check_servable(model)
        tensors = check_inputs(as_tuple(inputs))
        query = Query(model, self.settings, selected_output)
        call = Call(tensors, target, as_arguments(additional_forward_args))
        (attributions,), doubts = query.attributions(call, internal_batch_size)
        doubts.warn(self.settings)
        return cast("TensorOrTensors", attributions if is_tuple(inputs) else attributions[0])

    def attribute_future(self) -> None:
        """Not implemented, as in Captum's own gradient methods.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError(f"attribute_future is not implemented for {type(self).__name__}")
