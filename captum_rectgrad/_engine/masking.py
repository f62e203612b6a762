"""Application of a rule to the gradient at one activation."""

from contextlib import nullcontext
from typing import NamedTuple

import torch
from torch import Tensor

from captum_rectgrad.rules.fast_selection import fast_selection
from captum_rectgrad.rules.rule import Rule
from captum_rectgrad.rules.scores import score
from captum_rectgrad.rules.threshold import ThresholdRule

_SMALL = 8192  # number of elements of a mask that is kept without reduction


class MaskedGradient(NamedTuple):
    """The gradient after a rule.

    Attributes:
        gradient: masked gradient, of the shape of the output gradient.
        passed: boolean tensor `(N, ...)` of the selected units, or `(N,)`, not zero if any unit of
            a sample passed. It is used for all-zero maps only, so small masks are kept without
            reduction.
        share: share of the selected units, `(N,)`; None if not requested.
        threshold: threshold of each sample, `(N,)`; None if not requested or without a threshold.
        zero_scores: share of the scores that are zero, `(N,)`; None as for `threshold`.
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
    """Mask the gradient with a rule.

    Args:
        rule: rule that selects the units.
        activation: activation `a`, `(N, ...)`.
        grad_output: output gradient `R_out`, of the same shape.
        is_last: whether this is the last hidden activation before the output.
        out: tensor to overwrite with the result, or None.
        with_statistics: whether shares and thresholds are computed.

    Raises:
        TypeError: the rule did not return a boolean tensor of the same shape.
    """
    if (
        isinstance(rule, ThresholdRule)
        and rule.percentile is not None
        and not (with_statistics or torch.is_grad_enabled())
    ):
        select = fast_selection(activation, grad_output)
        if select is not None:
            name = rule.score_at(is_last=is_last)
            return MaskedGradient(*select(name, rule.percentile, activation, grad_output, out))
    # With create_graph the masks are constants. Without, entering the context would take time.
    with torch.no_grad() if torch.is_grad_enabled() else nullcontext():
        kept = _kept(rule, activation, grad_output, is_last=is_last)
    passed = kept if kept.numel() <= _SMALL else kept.reshape(len(kept), -1).any(dim=1)
    masked = torch.where(kept, grad_output, 0)
    if not with_statistics:
        return MaskedGradient(masked, passed)
    if not isinstance(rule, ThresholdRule):
        return MaskedGradient(masked, passed, _share(kept))
    name = rule.score_at(is_last=is_last)
    scores = score(name, activation.detach(), grad_output.detach())
    return MaskedGradient(masked, passed, _share(kept), rule.threshold(scores), _share(scores == 0))


def _share(chosen: Tensor) -> Tensor:
    """The share of the selected elements of each sample, `(N,)`."""
    return chosen.reshape(len(chosen), -1).to(torch.float32).mean(dim=1)


def _kept(rule: Rule, activation: Tensor, grad_output: Tensor, *, is_last: bool) -> Tensor:
    kept: object = rule.keep(activation, grad_output, is_last=is_last)
    if not isinstance(kept, Tensor):
        got = type(kept).__name__
    elif kept.dtype is torch.bool and kept.shape == grad_output.shape:
        return kept
    else:
        got = f"{kept.dtype} of shape {tuple(kept.shape)}"
    raise TypeError(
        f"keep of {type(rule).__name__} must return a boolean tensor of shape "
        f"{tuple(grad_output.shape)}, got {got}"
    )
