"""Methods on images: the same call for each, reproducible; on one image, honest where it fails."""

import textwrap
import warnings

import torch
from torch import Tensor, nn

from captum_rectgrad.evaluation.methods import Method

REASON = 110  # letters of a reason that a panel holds

# What Captum warns of at every call.
CAPTUM_HABITS = r"Setting (forward, )?backward hooks|Input Tensor \d+ did not already require"


def attribute(
    method: Method, model: nn.Module, x: Tensor, targets: Tensor, seed: int = 0
) -> Tensor:
    """Run one method on a batch, what it draws at random following from the seed.

    Args:
        method: one of `methods()`, or one's own.
        model: in eval mode; it is afterwards as it was.
        x: images, `(N, C, H, W)`.
        targets: classes, `(N,)`.
        seed: of what the method draws; the caller's generator stays as it was.

    Returns:
        The attributions, `(N, C, H, W)`, without a graph.

    Raises:
        NotAvailableError: the method would not be itself on this model.
    """
    leaf = x.detach().clone().requires_grad_()
    with (
        torch.random.fork_rng(devices=[x.device] if x.device.type == "cuda" else []),
        warnings.catch_warnings(),
    ):
        torch.manual_seed(seed)
        warnings.filterwarnings("ignore", message=CAPTUM_HABITS)
        return method.attribute(model, leaf, targets).detach()


def run(method: Method, model: nn.Module, x: Tensor, target: int) -> Tensor | str:
    """Run one method; where it cannot run, or would not be itself, say why.

    Args:
        method: one of `methods()`, or one's own.
        model: in eval mode; it is afterwards as it was.
        x: one image, `(1, C, H, W)`.
        target: index of the class.

    Returns:
        The attribution, `(C, H, W)`, or "not available: reason".
    """
    try:
        (attribution,) = attribute(method, model, x, torch.tensor([target], device=x.device))
        finite = bool(torch.isfinite(attribution).all())
    # Whatever one method raises, the others are drawn.
    except Exception as error:  # noqa: BLE001
        reason = " ".join(str(error).split()) or type(error).__name__
        return f"not available: {textwrap.shorten(reason, REASON, placeholder=' ...')}"
    return attribution if finite else "not available: a map of NaN or infinite values"
