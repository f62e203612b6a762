"""A rule applied to the gradient at one activation."""

from dataclasses import dataclass

import torch
from torch import Tensor

from captum_rectgrad.rules.cpu_selection import MIN_UNITS, mask_above_percentile
from captum_rectgrad.rules.rule import Rule
from captum_rectgrad.rules.scores import score
from captum_rectgrad.rules.threshold import ThresholdRule


@dataclass(frozen=True)
class Mask:
    """What a rule did with a gradient.

    Attributes:
        gradient: what passed, of the shape of the gradient that arrived.
        passed: `(N,)`, boolean: whether any unit of a sample passed.
        share: `(N,)`, the share of units that passed, or None if not asked for.
        threshold: `(N,)`, or None if not asked for, or where the rule has none.
    """

    gradient: Tensor
    passed: Tensor
    share: Tensor | None = None
    threshold: Tensor | None = None


def mask_gradient(
    rule: Rule,
    activation: Tensor,
    grad_output: Tensor,
    *,
    is_last: bool,
    with_statistics: bool = False,
    out: Tensor | None = None,
) -> Mask:
    """The gradient where a rule lets it pass, elsewhere zero.

    Args:
        rule: which units pass.
        activation: `a`, `(N, ...)`.
        grad_output: `R_out`, of the same shape.
        is_last: whether this is the last hidden activation before the output.
        with_statistics: whether shares and thresholds are wanted.
        out: a tensor that may be overwritten with the result.

    Raises:
        TypeError: the rule did not return a boolean tensor of that shape.
    """
    if (
        isinstance(rule, ThresholdRule)
        and rule.percentile is not None
        and grad_output.device.type == "cpu"
        and grad_output.numel() >= MIN_UNITS * len(grad_output)
        and not with_statistics
        and not torch.is_grad_enabled()
    ):
        name = rule.score_at(is_last=is_last)
        return Mask(*mask_above_percentile(name, rule.percentile, activation, grad_output, out))
    with torch.no_grad():
        kept = rule.keep(activation, grad_output.detach(), is_last=is_last)
        if kept.dtype is not torch.bool or kept.shape != grad_output.shape:
            raise TypeError(
                f"keep of {type(rule).__name__} must return a boolean tensor of shape "
                f"{tuple(grad_output.shape)}, got {kept.dtype} of shape {tuple(kept.shape)}"
            )
        rows = kept.reshape(len(kept), -1)
        passed = rows.any(dim=1)
        share = rows.to(torch.float32).mean(dim=1) if with_statistics else None
        threshold = None
        if with_statistics and isinstance(rule, ThresholdRule):
            scores = score(rule.score_at(is_last=is_last), activation, grad_output.detach())
            threshold = torch.as_tensor(rule.threshold(scores)).expand(len(kept))
    return Mask(torch.where(kept, grad_output, 0), passed, share, threshold)
