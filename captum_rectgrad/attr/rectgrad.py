"""Rectified Gradient (Kim et al. 2019, "Why are Saliency Maps Noisy?"), section 4."""

from torch import nn

from captum_rectgrad._engine.activations import Activations
from captum_rectgrad._engine.settings import Settings
from captum_rectgrad._engine.validation import check_activations
from captum_rectgrad.attr.base import ModifiedGradient
from captum_rectgrad.rules.rule import Rule
from captum_rectgrad.rules.threshold import RuleName, ThresholdRule


class RectGrad(ModifiedGradient):
    """Gradient that passes only the units which contribute most, layer by layer.

    At every activation `a` the gradient `R_out` arriving there goes on where the score `a * R_out`
    exceeds the threshold, and is zero elsewhere (section 4.1). The threshold is a percentile of
    the scores of that one activation call and that one sample (the nearest rank, not interpolated),
    or a constant. A ReLU passes the gradient as it is, where the threshold is negative through
    inactive units too (listing 1); any other activation multiplies it by its derivative.

    The gradient is of the output itself: give a model that returns logits, not a softmax.

    Args:
        model: the model itself, in eval mode. It is run once and left exactly as it was. Where the
            graph does not tell which dimension of an activation is the batch, samples are
            attributed one at a time.
        percentile: in [0, 100]; how many of each layer's units are cut off. Neither this nor
            `tau`: 98, the paper's.
        tau: constant threshold instead. `tau=0` without `padding_trick` is the positive part of
            guided backpropagation times input (claim 2).
        rule: `"PR1"`: the paper's score `a * R_out`; `"PR2"`, `"PR3"`, `"PR4"`: its absolute
            value, `a`, `R_out` (appendix B); `"Mod"`: PR1 at the last hidden activation, PR2
            before it (figure 17). Or a `Rule` of your own, without `percentile` and `tau`.
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
            number; `rule` is neither a name nor a `Rule`.
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
        *,
        rule: RuleName | Rule = "PR1",
        padding_trick: bool = True,
        prr: bool = False,
        final_threshold: bool = True,
        multiply_by_inputs: bool = True,
        activations: Activations = None,
    ) -> None:
        """Check the arguments, which the class explains."""
        settings = Settings(
            rule_of(rule, percentile, tau),
            check_activations(activations),
            padding_trick,
            prr,
            final_threshold,
            multiply_by_inputs,
        )
        super().__init__(model, settings)


def rule_of(rule: RuleName | Rule, percentile: float | None, tau: float | None) -> Rule:
    """The rule that the arguments of `RectGrad` mean.

    Raises:
        TypeError, ValueError: as in `RectGrad`.
    """
    if isinstance(rule, str):
        return ThresholdRule(rule, percentile, tau)
    if not callable(getattr(rule, "keep", None)):
        raise TypeError(f"rule must be a name or an object with a method keep, got {rule!r}")
    if percentile is not None or tau is not None:
        raise ValueError(
            f"percentile ({percentile!r}) and tau ({tau!r}) belong to rules given by name; "
            f"{type(rule).__name__} decides by itself"
        )
    return rule
