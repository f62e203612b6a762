"""Rectified Gradient (Kim et al. 2019, "Why are Saliency Maps Noisy?"), section 4."""

from torch import nn

from captum_rectgrad._engine.activations import Activations
from captum_rectgrad._engine.outputs import OutputChoice, check_output
from captum_rectgrad._engine.settings import Settings
from captum_rectgrad._engine.validation import check_activations
from captum_rectgrad.attr.base import ModifiedGradient
from captum_rectgrad.rules.rule import Rule
from captum_rectgrad.rules.threshold import RuleName, ThresholdRule


class RectGrad(ModifiedGradient):
    """Gradient of the units with the highest contributions, selected layer by layer.

    At every activation `a`, the output gradient `R_out` is propagated where the score `a * R_out`
    exceeds a threshold, and set to zero elsewhere (section 4.1). The threshold is a percentile of
    the scores of one activation call and one sample (nearest rank, no interpolation), or a
    constant. A ReLU propagates the gradient without its derivative; with a negative threshold, also
    through inactive units (listing 1). Any other activation multiplies it by its derivative.

    The model must return logits, not the result of a softmax: a tensor, or a dict, tuple or
    `ModelOutput` of transformers that contains it.

    Args:
        model: model in eval mode. The model is run once and is unchanged afterwards. If the batch
            dimension of an activation is unknown, samples are attributed one at a time.
        percentile: percentage of each layer's units to cut off, in [0, 100]. Default: 98, as in
            the paper, if `tau` is None.
        tau: constant threshold, instead of a percentile. `tau=0` without `padding_trick` is the
            positive part of guided backpropagation times input (claim 2).
        rule: `"PR1"`: the paper's score `a * R_out`; `"PR2"`, `"PR3"`, `"PR4"`: its absolute
            value, `a`, `R_out` (appendix B); `"Mod"`: PR1 at the last hidden activation, PR2 at
            all other activations (figure 17). Alternatively a custom `Rule`, without `percentile`
            and `tau`.
        padding_trick: zero the border of the gradient at padded convolutions (appendix C.1).
            Separate padding operations (`F.pad`, `nn.ZeroPad2d`) do not count.
        prr: distribute the gradient of max-pooling in proportion to the activations (appendix C.2).
        final_threshold: set negative values of the map to zero (section 4.1).
        multiply_by_inputs: multiply by the inputs; False for NoBias RectGrad.
        activations: activations that the rule applies to, as classes (`nn.ReLU` includes
            `F.relu(x)` and `x.relu()`) or modules of the model. Default: all elementwise
            activations of `torch.nn`, `torch.nn.functional`, timm and transformers. All other
            activations are differentiated normally, as are operations that mix elements, such as
            softmax and GLU. An activation composed of operations (`x * torch.sigmoid(x)`) is
            treated as its parts; wrap it in a module and list its class.
        output: tensor of the model's return value that `target` refers to: a key, an index, or a
            function from the return value to the tensor. Default: the return value if it is a
            tensor, else its item `logits`, else its item `out`, else its only tensor.

    Raises:
        TypeError: `model` is not an `nn.Module`, or is scripted, exported or quantized; a threshold
            is not a number; `rule` is neither a name nor a `Rule`; `output` is not of one of these
            types.
        ValueError: both `percentile` and `tau` are given, or one is out of range; `rule` is
            unknown.

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
        output: OutputChoice = None,
    ) -> None:
        """Check the arguments."""
        settings = Settings(
            rule_of(rule, percentile, tau),
            check_activations(activations),
            padding_trick,
            prr,
            final_threshold,
            multiply_by_inputs,
            output=check_output(output),
        )
        super().__init__(model, settings)


def rule_of(rule: RuleName | Rule, percentile: float | None, tau: float | None) -> Rule:
    """The rule for the arguments of `RectGrad`.

    Raises:
        TypeError, ValueError: as in `RectGrad`.
    """
    if isinstance(rule, str):
        return ThresholdRule(rule, percentile, tau)
    if isinstance(rule, type) or not callable(getattr(rule, "keep", None)):
        raise TypeError(f"rule must be a name or an object with a method keep, got {rule!r}")
    if percentile is not None or tau is not None:
        raise ValueError(
            f"got percentile ({percentile!r}) and tau ({tau!r}) with the custom rule "
            f"{type(rule).__name__}, which has its own threshold; omit both"
        )
    return rule
