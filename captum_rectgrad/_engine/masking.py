"""A rule applied to the gradient at one activation."""

import torch
from torch import Tensor

from captum_rectgrad.rules.cpu_selection import MIN_NUMBERS, MIN_UNITS, mask_above_percentile
from captum_rectgrad.rules.rule import Rule
from captum_rectgrad.rules.threshold import ThresholdRule


def mask_gradient(
    rule: Rule,
    activation: Tensor,
    grad_output: Tensor,
    *,
    is_last: bool,
    out: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The gradient where a rule lets it pass, elsewhere zero.

    Args:
        rule: which units pass.
        activation: `a`, `(N, ...)`.
        grad_output: `R_out`, of the same shape.
        is_last: whether this is the last hidden activation before the output.
        out: a tensor that may be overwritten with the result.

    Returns:
        What passed, of the shape of `grad_output`; and where any did, `(N, ...)`, boolean: by unit
        or by sample. It is looked at only where a map is all zero, so small masks are kept whole.

    Raises:
        TypeError: the rule did not return a boolean tensor of that shape.
    """
    if torch.is_grad_enabled():
        with torch.no_grad():
            kept = _kept(rule, activation, grad_output, is_last=is_last)
    elif (
        isinstance(rule, ThresholdRule)
        and rule.percentile is not None
        and grad_output.device.type == "cpu"
        and grad_output.numel() >= max(MIN_NUMBERS, MIN_UNITS * grad_output.shape[0])
    ):
        name = rule.score_at(is_last=is_last)
        return mask_above_percentile(name, rule.percentile, activation, grad_output, out)
    else:
        kept = _kept(rule, activation, grad_output, is_last=is_last)
    is_small = kept.numel() <= MIN_UNITS
    passed = kept if is_small else kept.reshape(kept.shape[0], -1).any(dim=1)
    return torch.where(kept, grad_output, 0), passed


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
