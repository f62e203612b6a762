"""A rule applied to the gradient at one activation."""

from contextlib import nullcontext
from typing import NamedTuple

import torch
from torch import Tensor

from captum_rectgrad.rules.cpu_selection import MIN_NUMBERS, MIN_UNITS, mask_above_percentile
from captum_rectgrad.rules.rule import Rule
from captum_rectgrad.rules.scores import score
from captum_rectgrad.rules.threshold import ThresholdRule

_SMALL = 8192  # elements of a mask that is kept as it is


class MaskedGradient(NamedTuple):
    """The gradient that a rule lets pass.

    Attributes:
        gradient: of the shape of the gradient that arrived, zero where it did not pass.
        passed: `(N, ...)`, boolean: where any passed, by unit or by sample. It is looked at only
            where a map is all zero, so small masks are kept whole.
        share: `(N,)`, the share of units that passed, or None if not asked for.
        threshold: `(N,)`, or None if not asked for, or where the rule has none.
        zero_scores: `(N,)`, the share of scores that are zero, or None as for `threshold`.
    """

    gradient: Tensor
    passed: Tensor
    share: Tensor | None = None
    threshold: Tensor | None = None
    zero_scores: Tensor | None = None


def mask_gradient(
    rule: Rule,
    activation: Tensor,
    grad_output: Tensor,
    *,
    is_last: bool,
    out: Tensor | None = None,
    with_statistics: bool = False,
) -> MaskedGradient:
    """The gradient where a rule lets it pass, elsewhere zero.

    Args:
        rule: which units pass.
        activation: `a`, `(N, ...)`.
        grad_output: `R_out`, of the same shape.
        is_last: whether this is the last hidden activation before the output.
        out: a tensor that may be overwritten with the result.
        with_statistics: whether shares and thresholds are computed.

    Raises:
        TypeError: the rule did not return a boolean tensor of that shape.
    """
    if (
        isinstance(rule, ThresholdRule)
        and rule.percentile is not None
        and grad_output.device.type == "cpu"
        and grad_output.numel() >= max(MIN_NUMBERS, MIN_UNITS * len(grad_output))
        and not (with_statistics or torch.is_grad_enabled())
    ):
        name = rule.score_at(is_last=is_last)
        return MaskedGradient(
            *mask_above_percentile(name, rule.percentile, activation, grad_output, out)
        )
    # With create_graph the masks are constants. Without, entering the context would take time.
    with torch.no_grad() if torch.is_grad_enabled() else nullcontext():
        kept = _kept(rule, activation, grad_output, is_last=is_last)
    passed = kept if kept.numel() <= _SMALL else kept.flatten(1).any(dim=1)
    masked = torch.where(kept, grad_output, 0)
    if not with_statistics:
        return MaskedGradient(masked, passed)
    if not isinstance(rule, ThresholdRule):
        return MaskedGradient(masked, passed, _share(kept))
    name = rule.score_at(is_last=is_last)
    scores = score(name, activation.detach(), grad_output.detach())
    return MaskedGradient(masked, passed, _share(kept), rule.threshold(scores), _share(scores == 0))


def _share(chosen: Tensor) -> Tensor:
    """The share of a sample's elements that are chosen, `(N,)`."""
    return chosen.reshape(len(chosen), -1).to(torch.float32).mean(dim=1)


def _kept(rule: Rule, activation: Tensor, grad_output: Tensor, *, is_last: bool) -> Tensor:
    kept: object = rule.keep(activation, grad_output, is_last=is_last)
    if not isinstance(kept, Tensor):
        got = repr(kept)
    elif kept.dtype is torch.bool and kept.shape == grad_output.shape:
        return kept
    else:
        got = f"{kept.dtype} of shape {tuple(kept.shape)}"
    raise TypeError(
        f"keep of {type(rule).__name__} must return a boolean tensor of shape "
        f"{tuple(grad_output.shape)}, got {got}"
    )
