"""Rectified Gradient (Kim et al. 2019, "Why are Saliency Maps Noisy?"), section 4."""

import warnings
from typing import Any, cast

import torch
from captum.attr import GradientAttribution
from torch import Tensor, nn

from captum_rectgrad._captum import (
    TargetType,
    TensorOrTensors,
    as_tuple,
    is_tuple,
    log_usage,
)
from captum_rectgrad.activations import Activations, Choice
from captum_rectgrad.checks import (
    check_activations,
    check_inputs,
    check_percentile,
    check_servable,
    check_tau,
)
from captum_rectgrad.errors import RectGradWarning
from captum_rectgrad.hooks import rectified
from captum_rectgrad.nodes import OverwrittenError
from captum_rectgrad.rectified_pass import Gate, RectifiedPass
from captum_rectgrad.rules import RULES, Rule, Selection
from captum_rectgrad.targets import select

PAPER_PERCENTILE = 98.0  # section 5.2

# A warning names the line that called `attribute`: past this module and Captum's log_usage.
CALLER = 4


class RectGrad(GradientAttribution):  # type: ignore[misc]
    """Gradient that passes only the units which contribute most, layer by layer.

    At every activation `a` the gradient `R_out` arriving there goes on where the score `a * R_out`
    exceeds the threshold, and is zero elsewhere (section 4.1). The threshold is a percentile of
    the scores of that one activation call and that one sample, or a constant.

    The gradient is of the output itself: give a model that returns logits, not a softmax.

    Args:
        model: the model itself, in eval mode. It is hooked during `attribute` and left exactly as
            it was. Dimension 0 of its activations is taken for the samples.
        percentile: in [0, 100]; how many of each layer's units are cut off. Neither this nor
            `tau`: 98, the paper's.
        tau: constant threshold instead. `tau=0` without `padding_trick` is the positive part of
            guided backpropagation times input (claim 2).
        rule: `"PR1"`: the paper's score `a * R_out`; `"PR2"`, `"PR3"`, `"PR4"`: its absolute
            value, `a`, `R_out` (appendix B); `"Mod"`: PR1 at the last hidden activation, PR2
            before it (figure 17).
        padding_trick: zero the gradient's border before padded convolutions (appendix C.1).
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
        TypeError: `model` is no `nn.Module` or a scripted one; a threshold is no number.
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
        check_servable(model)
        if percentile is not None and tau is not None:
            raise ValueError(
                f"percentile ({percentile!r}) and tau ({tau!r}) are two ways to set one threshold; "
                "give one of them"
            )
        if rule not in RULES:
            raise ValueError(f"rule must be one of {', '.join(RULES)}, got {rule!r}")
        super().__init__(model)
        self.model = model
        if tau is not None:
            self.selection = Selection(rule, tau=check_tau(tau))
        else:
            wanted = PAPER_PERCENTILE if percentile is None else percentile
            self.selection = Selection(rule, percentile=check_percentile(wanted))
        self.choice = Choice(None if activations is None else check_activations(activations))
        self.padding_trick = padding_trick
        self.prr = prr
        self.final_threshold = final_threshold
        self._multiply_by_inputs = multiply_by_inputs

    @property
    def multiplies_by_inputs(self) -> bool:
        """Whether the gradient is multiplied by the input, as Captum asks of its methods."""
        return self._multiply_by_inputs

    @log_usage
    def attribute(
        self,
        inputs: TensorOrTensors,
        target: TargetType = None,
        additional_forward_args: object = None,
    ) -> TensorOrTensors:
        """Attribute one output of the model to its inputs.

        Args:
            inputs: `(N, ...)`, floating point and finite, or a tuple of such with the same `N`.
            target: which output of each sample, in any of Captum's forms: an int or tuple for
                all samples, a list or tensor with one entry per sample, or None where the model
                returns one number per sample.
            additional_forward_args: further arguments of the model, not attributed to.

        Returns:
            For each input a tensor of its shape and dtype. Units are those of the output (with
            `multiply_by_inputs`) or of the output per input. With `final_threshold`, not negative.

        Raises:
            TypeError: an input is no floating point tensor; the output is no tensor.
            ValueError: an input is NaN or infinite, or batch sizes differ.
            AssertionError: `target` does not fit the output.
            RectGradError: the activations of samples cannot be told apart, or PRR cannot
                serve a pooling.

        Warns:
            RectGradWarning: no activation was met, so the map is a plain gradient; or nothing
                passed some layer, so a map is all zero.

        Examples:
            >>> import rectgrad_zoo, torch
            >>> from captum_rectgrad import RectGrad
            >>> model = rectgrad_zoo.load("cifar10_cnn")
            >>> images = torch.rand(2, 3, 32, 32) * 2 - 1
            >>> RectGrad(model).attribute(images, target=[3, 5]).shape
            torch.Size([2, 3, 32, 32])
        """
        check_servable(self.model)
        tensors = check_inputs(as_tuple(inputs))
        # A graph is needed whatever mode the caller is in; nothing of theirs is written to.
        with torch.inference_mode(mode=False):
            leaves = tuple(tensor.detach().clone().requires_grad_() for tensor in tensors)
            gradients, gates = self._gradients(leaves, target, additional_forward_args)
            with torch.no_grad():
                attributions = tuple(map(self._attribution, leaves, gradients))
                _warn_of_doubtful_maps(attributions, gates, self.choice)
        return cast("TensorOrTensors", attributions if is_tuple(inputs) else attributions[0])

    def attribute_future(self) -> None:
        """Not implemented, as in Captum's own gradient methods."""
        raise NotImplementedError(f"attribute_future is not implemented for {type(self).__name__}")

    def _gradients(
        self, leaves: tuple[Tensor, ...], target: TargetType, additional_forward_args: object
    ) -> tuple[tuple[Tensor, ...], list[Gate]]:
        def forward(*args: Any) -> Tensor:
            # The model gets copies of the inputs, since it may begin by working in place.
            n = len(leaves)
            copies = (leaf.clone() for leaf in args[:n])
            return select(self.model(*copies, *args[n:]), target)

        def run(*, copies: bool) -> tuple[tuple[Tensor, ...], list[Gate]]:
            state = RectifiedPass(
                self.selection,
                self.choice,
                batch=leaves[0].shape[0],
                padding_trick=self.padding_trick,
                prr=self.prr,
                copies=copies,
            )
            with rectified(self.model, state):
                gradients = self.gradient_func(
                    forward, leaves, additional_forward_args=additional_forward_args
                )
            return gradients, state.gates

        try:
            return run(copies=False)
        except OverwrittenError:
            # The model changes activations in place after they are computed. Only such a model
            # pays for keeping copies of them, with a second pass.
            return run(copies=True)

    def _attribution(self, leaf: Tensor, gradient: Tensor) -> Tensor:
        attribution = leaf * gradient if self.multiplies_by_inputs else gradient
        return attribution.clamp(min=0) if self.final_threshold else attribution


def _warn_of_doubtful_maps(
    attributions: tuple[Tensor, ...], gates: list[Gate], choice: Choice
) -> None:
    if not gates and choice.chosen is not None:
        warnings.warn(
            "none of the chosen activations was met on the way from the output to the inputs: this "
            "map is the plain gradient. Choose activations that the model has",
            RectGradWarning,
            stacklevel=CALLER,
        )
        return
    if not gates:
        warnings.warn(
            "no activation was met on the way from the output to the inputs: this map is the "
            "plain gradient. Elementwise activations of torch.nn, torch.nn.functional and timm "
            "are seen; one of your own can be named with activations=[ItsClass]",
            RectGradWarning,
            stacklevel=CALLER,
        )
        return
    empty = torch.stack([(a == 0).flatten(1).all(dim=1) for a in attributions]).all(dim=0)
    closed = [
        (sample, next((gate for gate in gates if not gate.passed[sample]), None))
        for sample in empty.nonzero().flatten().tolist()
    ]
    named = [(sample, gate) for sample, gate in closed if gate is not None]
    if named:
        sample, gate = named[0]
        warnings.warn(
            f"the map of sample {sample} is all zero (and of {len(named) - 1} more): from the "
            f"output, the first layer that nothing passed is {gate.name}, of {gate.units} units; "
            "lower the percentile or tau",
            RectGradWarning,
            stacklevel=CALLER,
        )
