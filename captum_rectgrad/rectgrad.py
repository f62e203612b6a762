"""Rectified Gradient (Kim et al. 2019, "Why are Saliency Maps Noisy?"), section 4."""

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
from captum_rectgrad.activations import Activations
from captum_rectgrad.attribution import Query, selected_output
from captum_rectgrad.batching import Call
from captum_rectgrad.checks import check_inputs, check_parts, check_servable
from captum_rectgrad.rules import Rule
from captum_rectgrad.settings import Settings
from captum_rectgrad.wrappers import unwrapped


class RectGrad(GradientAttribution):  # type: ignore[misc]
    """Gradient that passes only the units which contribute most, layer by layer.

    At every activation `a` the gradient `R_out` arriving there goes on where the score `a * R_out`
    exceeds the threshold, and is zero elsewhere (section 4.1). The threshold is a percentile of
    the scores of that one activation call and that one sample (the nearest rank, not interpolated),
    or a constant. A ReLU passes the gradient as it is, where the threshold is negative through
    inactive units too (listing 1); any other activation multiplies it by its derivative.

    The gradient is of the output itself: give a model that returns logits, not a softmax.

    Args:
        model: the model itself, in eval mode. It is hooked during `attribute` and left exactly as
            it was. Dimension 0 of its activations is taken for the samples; where it is another,
            samples are attributed one at a time.
        percentile: in [0, 100]; how many of each layer's units are cut off. Neither this nor
            `tau`: 98, the paper's.
        tau: constant threshold instead. `tau=0` without `padding_trick` is the positive part of
            guided backpropagation times input (claim 2).
        rule: `"PR1"`: the paper's score `a * R_out`; `"PR2"`, `"PR3"`, `"PR4"`: its absolute
            value, `a`, `R_out` (appendix B); `"Mod"`: PR1 at the last hidden activation, PR2
            before it (figure 17).
        padding_trick: zero the gradient's border before convolutions that pad (appendix C.1);
            padding by an operation of its own (`F.pad`, `nn.ZeroPad2d`) is not theirs.
        prr: share the gradient of max-pooling out in proportion to the activations (appendix C.2).
        final_threshold: zero where the map is negative (section 4.1).
        multiply_by_inputs: multiply by the input; without, NoBias RectGrad.
        activations: which activations the rules apply to, as classes (`nn.ReLU` stands for
            `F.relu(x)` and `x.relu()` too) or single modules of the model; by default every
            elementwise one of `torch.nn`, `torch.nn.functional` and timm. What is chosen replaces
            that default. All others pass the plain gradient, as do softmax, GLU and whatever else
            mixes elements. An activation put together of others (`x * torch.sigmoid(x)`) is seen
            as its parts; make it a module of your own and name its class.

    Raises:
        TypeError: `model` is no `nn.Module`, or scripted, exported or quantized; a threshold is no
            number.
        ValueError: `percentile` and `tau` are both given, or out of range; `rule` is unknown.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> from captum_rectgrad import RectGrad
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(12, 64), nn.ReLU(), nn.Linear(64, 10))
        >>> images = torch.rand(2, 3, 2, 2)
        >>> RectGrad(model, percentile=90).attribute(images, target=4).shape
        torch.Size([2, 3, 2, 2])
    """

    def __init__(
        self,
        model: nn.Module,
        percentile: float | None = None,
        tau: float | None = None,
        rule: Rule = "PR1",
        padding_trick: bool = True,
        prr: bool = False,
        final_threshold: bool = True,
        multiply_by_inputs: bool = True,
        activations: Activations = None,
    ) -> None:
        """Check the arguments, which the class explains."""
        check_servable(model)
        super().__init__(model)
        self.model = model
        self.settings = Settings.of(
            percentile,
            tau,
            rule,
            padding_trick,
            prr,
            final_threshold,
            multiply_by_inputs,
            activations,
        )
        check_parts(unwrapped(model), self.settings.choice)

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
                all samples, a list or tensor with one entry per sample, or None where the model
                returns one number per sample.
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
        doubts.warn(self.settings.choice)
        return cast("TensorOrTensors", attributions if is_tuple(inputs) else attributions[0])

    def attribute_future(self) -> None:
        """Not implemented, as in Captum's own gradient methods."""
        raise NotImplementedError(f"attribute_future is not implemented for {type(self).__name__}")
