"""The methods that are compared, each called the same way, each honest about what it can do."""

import textwrap
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from captum.attr import (
    DeepLift,
    GuidedBackprop,
    InputXGradient,
    IntegratedGradients,
    NoiseTunnel,
    Saliency,
)
from torch import Tensor, nn

from captum_rectgrad.checks import check_percentile
from captum_rectgrad.errors import RectGradWarning
from captum_rectgrad.for_captum import for_captum
from captum_rectgrad.functions import calls_max_pools
from captum_rectgrad.rectgrad import RectGrad

NOISE = 0.15  # standard deviation of SmoothGrad's noise, as a share of the input's range
NOISY_SAMPLES = 25
STEPS = 50  # of integrated gradients
AT_ONCE = 10  # images in memory, for the methods that need many passes
AGREEMENT = 1e-3  # relative; float32 rounding through a deep network stays well below
# By how much of it DeepLift's attributions may miss their sum. Captum's rule for max-pooling is
# itself inexact.
INCOMPLETE, INCOMPLETE_WITH_POOLS = 0.01, 0.25
REASON = 110  # letters of a reason that a panel holds

# What Captum warns of at every call.
CAPTUM_HABITS = r"Setting (forward, )?backward hooks|Input Tensor \d+ did not already require"


class NotAvailableError(RuntimeError):
    """A method that would not be itself on this model, with the reason in a few words."""


# From a model, one image (1, C, H, W) and its target to an attribution of the image's shape.
Attribute = Callable[[nn.Module, Tensor, int], Tensor]


@dataclass(frozen=True)
class Method:
    """A column of the comparison.

    Attributes:
        key: its name on the command line.
        title: its name in figures.
        attribute: takes the model, one image `(1, C, H, W)` that requires grad, and the target;
            gives the attribution, of the image's shape.
        applies: whether it is a method of its own on this model, given an image `(1, C, H, W)`.
    """

    key: str
    title: str
    attribute: Attribute
    applies: Callable[[nn.Module, Tensor], bool] = lambda *_: True


def methods(percentile: float | None = None) -> tuple[Method, ...]:
    """Captum's methods with signed gradients, and RectGrad, as the paper compares them.

    Args:
        percentile: RectGrad's; None: the paper's.

    Returns:
        The columns, in order.
    """
    return (
        Method("saliency", "Saliency", _saliency),
        Method("gradient-input", "Gradient * Input", _gradient_times_input),
        Method("guided-bp", "Guided BP", _guided_backprop),
        Method("smoothgrad", "SmoothGrad", _smooth_grad),
        Method("integrated", "Integrated Grad.", _integrated_gradients),
        Method("deeplift", "DeepLIFT", _deep_lift),
        Method("rectgrad", "RectGrad", partial(_rectgrad, percentile, prr=False)),
        Method(
            "rectgrad-prr",
            "RectGrad PRR",
            partial(_rectgrad, percentile, prr=True),
            calls_max_pools,
        ),
    )


def choose_methods(
    keys: Sequence[str] | None, percentile: float | None = None
) -> tuple[Method, ...]:
    """The methods of these keys, in their order; None: all.

    Args:
        keys: as `Method.key`.
        percentile: RectGrad's; None: the paper's.

    Returns:
        The methods.

    Raises:
        ValueError: a key is unknown or named twice, or the percentile is out of range.
    """
    if percentile is not None:
        check_percentile(percentile)
    known = {method.key: method for method in methods(percentile)}
    if keys is None:
        return tuple(known.values())
    wanted = [key.strip() for key in keys]
    for key in wanted:
        if key not in known or wanted.count(key) > 1:
            what = "is named twice" if key in known else "is no method"
            raise ValueError(f"{key!r} {what}; choose from {', '.join(known)}")
    return tuple(known[key] for key in wanted)


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
    leaf = x.detach().clone().requires_grad_()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=CAPTUM_HABITS)
            attribution = method.attribute(model, leaf, target)
        finite = bool(torch.isfinite(attribution).all())
    # Whatever one method raises, the others are drawn.
    except Exception as error:  # noqa: BLE001
        reason = " ".join(str(error).split()) or type(error).__name__
        return f"not available: {textwrap.shorten(reason, REASON, placeholder=' ...')}"
    return attribution.detach()[0] if finite else "not available: a map of NaN or infinite values"


def _saliency(model: nn.Module, x: Tensor, target: int) -> Tensor:
    attribution: Tensor = Saliency(model).attribute(x, target=target, abs=False)
    return attribution


def _gradient_times_input(model: nn.Module, x: Tensor, target: int) -> Tensor:
    attribution: Tensor = InputXGradient(model).attribute(x, target=target)
    return attribution


def _guided_backprop(model: nn.Module, x: Tensor, target: int) -> Tensor:
    attribution: Tensor = GuidedBackprop(for_captum(model)).attribute(x, target=target)
    # Captum sees nothing but nn.ReLU modules, and silently gives the plain gradient for the rest;
    # it also overwrites the gradient of a skip connection that shares a ReLU's input.
    exact = RectGrad(
        model, tau=0, padding_trick=False, final_threshold=False, multiply_by_inputs=False
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RectGradWarning)
        expected = exact.attribute(x.detach(), target=target)
    if (attribution - expected).abs().max() > AGREEMENT * expected.abs().max():
        raise NotAvailableError(
            "Captum's GuidedBackprop is not itself here: it hooks nn.ReLU alone, on its input"
        )
    return attribution


def _smooth_grad(model: nn.Module, x: Tensor, target: int) -> Tensor:
    # A seed of its own, so that a figure can be drawn again; the caller's generator stays put.
    with torch.random.fork_rng(devices=[x.device] if x.device.type == "cuda" else []):
        torch.manual_seed(0)
        tunnel = NoiseTunnel(Saliency(model))
        attribution: Tensor = tunnel.attribute(
            x,
            nt_type="smoothgrad",
            nt_samples=NOISY_SAMPLES,
            nt_samples_batch_size=AT_ONCE,
            stdevs=NOISE * float(x.detach().max() - x.detach().min()),
            target=target,
            abs=False,
        )
    return attribution


def _integrated_gradients(model: nn.Module, x: Tensor, target: int) -> Tensor:
    method = IntegratedGradients(model)
    attribution: Tensor = method.attribute(
        x, target=target, n_steps=STEPS, internal_batch_size=AT_ONCE
    )
    return attribution


def _deep_lift(model: nn.Module, x: Tensor, target: int) -> Tensor:
    prepared = for_captum(model)
    try:
        attribution, delta = DeepLift(prepared).attribute(
            x, target=target, return_convergence_delta=True
        )
    except RuntimeError as error:
        if "used more than once" not in str(error):
            raise
        raise NotAvailableError(
            "Captum's DeepLift needs a module for each use; this net calls an activation twice"
        ) from error
    with torch.no_grad():
        change = model(x)[0, target] - model(torch.zeros_like(x))[0, target]
    # By its definition the attributions sum to this change. Where Captum has no rule for an
    # activation it takes the gradient instead, where a ReLU's input feeds a skip connection too it
    # overwrites that one's gradient, and never says a word.
    missed = abs(float(delta)) / max(abs(float(change)), 1e-12)
    if not missed <= (INCOMPLETE_WITH_POOLS if calls_max_pools(model, x) else INCOMPLETE):
        raise NotAvailableError(
            f"Captum's DeepLift is not itself here: its attributions miss their sum by {missed:.0%}"
        )
    result: Tensor = attribution
    return result


def _rectgrad(
    percentile: float | None, model: nn.Module, x: Tensor, target: int, *, prr: bool
) -> Tensor:
    return RectGrad(model, percentile, prr=prr).attribute(x, target=target)
