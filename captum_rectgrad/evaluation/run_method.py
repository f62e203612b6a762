"""A reproducible call of an attribution method; `run` returns the reason where it fails."""

import textwrap
import warnings

import torch
from torch import Tensor, nn

from captum_rectgrad.evaluation.methods import Method

# The types of errors by which methods refuse a model or its output. Other errors are raised.
REFUSALS = (RuntimeError, ValueError, TypeError, AssertionError)
REASON = 110  # maximum number of characters of a reason in a figure panel

# Warnings that Captum raises at every call.
CAPTUM_HABITS = r"Setting (forward, )?backward hooks|Input Tensor \d+ did not already require"


def attribute(
    method: Method, model: nn.Module, x: Tensor, targets: Tensor, seed: int = 0
) -> Tensor:
    """Run one method on a batch, with its random numbers determined by the seed.

    Args:
        method: one of `methods()`, or a user's `Method`.
        model: in eval mode; its state is restored.
        x: images, `(N, C, H, W)`.
        targets: classes, `(N,)`.
        seed: seed of the method's random numbers; the global generator is restored.

    Returns:
        The attributions, `(N, C, H, W)`, detached.

    Raises:
        MethodUnreliableError: the method is unreliable on this model.
        TypeError: the method did not return a tensor.
    """
    leaf = x.detach().clone().requires_grad_()
    with (
        torch.random.fork_rng(devices=[x.device] if x.device.type == "cuda" else []),
        warnings.catch_warnings(),
    ):
        torch.manual_seed(seed)
        warnings.filterwarnings("ignore", message=CAPTUM_HABITS)
        found: object = method.attribute(model, leaf, targets)
    if not isinstance(found, Tensor):
        raise TypeError(
            f"{method.title} returned a {type(found).__name__}, expected one tensor of the shape "
            "of the images"
        )
    return found.detach()


def run(method: Method, model: nn.Module, x: Tensor, target: int) -> Tensor | str:
    """Run one method on one image; return the reason if it refuses the model or is unreliable.

    Args:
        method: one of `methods()`, or a user's `Method`.
        model: in eval mode; its state is restored.
        x: one image, `(1, C, H, W)`.
        target: index of the class.

    Returns:
        The attribution, `(C, H, W)`, or "not available: reason".
    """
    try:
        attributions = attribute(method, model, x, torch.tensor([target], device=x.device))
    # A method that refuses the model must not prevent the plots of the other methods.
    except REFUSALS as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        return f"not available: {textwrap.shorten(reason, REASON, placeholder=' ...')}"
    (attribution,) = attributions
    finite = bool(torch.isfinite(attribution).all())
    return attribution if finite else "not available: the map has NaN or infinite values"
