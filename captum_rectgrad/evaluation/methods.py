"""The table of attribution methods, all with the same call.

Baselines are Captum's, with signed gradients as in Kim et al. 2019, section 5. A method that would
be incorrect on the given model raises `MethodUnreliableError`.
"""

import importlib
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal
from weakref import WeakKeyDictionary

import torch
from captum.attr import (
    Attribution,
    DeepLift,
    GuidedBackprop,
    InputXGradient,
    IntegratedGradients,
    NoiseTunnel,
    Saliency,
)
from torch import Tensor, nn

from captum_rectgrad._engine.captum_compat import select_targets
from captum_rectgrad._engine.pooling_nodes import calls_max_pools
from captum_rectgrad.attr.rectgrad import RectGrad
from captum_rectgrad.attr.relu_rules import GuidedBackprop as FunctionalGuidedBackprop
from captum_rectgrad.errors import RectGradError, RectGradWarning
from captum_rectgrad.evaluation.captum_compatible import captum_compatible
from captum_rectgrad.evaluation.nondeterminism import nondeterminism_allowed
from captum_rectgrad.rules.threshold import check_percentile

# SmoothGrad as in the code of Kim et al. 2019; the noise is a share of each input's range.
NOISE, NOISY_SAMPLES = 0.1, 50
STEPS = 50  # of integrated gradients
AT_ONCE = 10  # least number of images in memory, for methods with many passes per image
AGREEMENT = 0.01  # of the sum of the absolute values of a map
# Largest relative error of the sum of DeepLift's attributions. Captum's rule for max-pooling is
# itself inexact.
INCOMPLETE, INCOMPLETE_WITH_POOLS = 0.01, 0.25

# Why a method is unreliable on a model, by the method's key; None if it is reliable.
_DOUBTS: WeakKeyDictionary[nn.Module, dict[str, str | None]] = WeakKeyDictionary()


class MethodUnreliableError(RectGradError):
    """The method is unreliable on this model; the message has the reason."""


# From a model, images (N, C, H, W) and their targets (N,) to attributions of the images' shape.
Attribute = Callable[[nn.Module, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Method:
    """An attribution method: one column of a comparison.

    Attributes:
        key: name on the command line.
        title: name in figures.
        attribute: takes the model, images `(N, C, H, W)` that require grad, and targets `(N,)`;
            returns attributions of the images' shape. Its random numbers come from PyTorch's
            global generator.
        applies: whether the method differs from the other methods on this model, given images.
        baseline: whether it gets a final threshold where the paper thresholds "the baselines".
        control: whether it is a reference for comparison rather than an explanation.
    """

    key: str
    title: str
    attribute: Attribute
    applies: Callable[[nn.Module, Tensor], bool] = lambda *_: True
    baseline: bool = True
    control: bool = False


def of_captum(
    key: str, title: str, make: Callable[[nn.Module], Attribution], **arguments: object
) -> Method:
    """A `Method` from any of Captum's attribution methods.

    Args:
        key: name on the command line.
        title: name in figures.
        make: a class, or any function from a model to an attribution method.
        **arguments: passed to its `attribute`, besides inputs and target.

    Returns:
        The method.

    Examples:
        >>> from captum.attr import Deconvolution
        >>> method = of_captum("deconvnet", "DeconvNet", Deconvolution)
    """

    def attribute(model: nn.Module, x: Tensor, target: Tensor) -> Tensor:
        found: Tensor = make(model).attribute(x, target=target, **arguments)
        return found

    return Method(key, title, attribute)


def methods(percentile: float | None = None) -> tuple[Method, ...]:
    """The methods that Kim et al. 2019 compare, with signed gradients.

    Args:
        percentile: RectGrad's percentile; None: the paper's.

    Returns:
        The methods, in order.
    """
    return (
        of_captum("saliency", "Saliency", Saliency, abs=False),
        of_captum("gradient-input", "Gradient * Input", InputXGradient),
        Method("guided-bp", "Guided BP", _guided_backprop),
        Method("smoothgrad", "SmoothGrad", smooth_grad),
        Method("integrated", "Integrated Grad.", integrated_gradients),
        Method("deeplift", "DeepLIFT", _deep_lift),
        Method("rectgrad", "RectGrad", partial(_rectgrad, percentile, prr=False), baseline=False),
        Method(
            "rectgrad-prr",
            "RectGrad PRR",
            partial(_rectgrad, percentile, prr=True),
            applies=calls_max_pools,
            baseline=False,
        ),
        Method("random", "Random", _random, control=True),
    )


def choose_methods(
    keys: Sequence[str] | None, percentile: float | None = None
) -> tuple[Method, ...]:
    """The methods with the given keys, in the order of the keys.

    Args:
        keys: values of `Method.key`, or `MODULE:NAME` to import a `Method` or a Captum attribution
            class; None: all methods but the controls.
        percentile: RectGrad's percentile; None: the paper's.

    Returns:
        The methods.

    Raises:
        ValueError: a key is unknown, cannot be imported or is given twice, two methods have the
            same key, or the percentile is out of range.
    """
    if percentile is not None:
        check_percentile(percentile)
    known = {method.key: method for method in methods(percentile)}
    if keys is None:
        return tuple(method for method in known.values() if not method.control)
    wanted = [key.strip() for key in keys if key.strip()]
    if not wanted:
        raise ValueError(f"got no method; choose from {', '.join(known)}, or MODULE:NAME")
    known |= {key: _imported(key) for key in wanted if ":" in key}
    for key in wanted:
        if key not in known or wanted.count(key) > 1:
            what = "is given twice" if key in known else "is not a known method"
            raise ValueError(f"{key!r} {what}; choose from {', '.join(known)}, or MODULE:NAME")
    chosen = tuple(known[key] for key in wanted)
    own = [method.key for method in chosen]
    for method, key in zip(chosen, wanted, strict=True):
        # Results are stored under the method's key: equal keys would overwrite each other.
        if own.count(method.key) > 1:
            raise ValueError(
                f"{key!r} has the key {method.key!r}, which another chosen method has too; change "
                "one of the keys"
            )
    return chosen


def _imported(key: str) -> Method:
    """A method imported by its path, such as `captum.attr:Deconvolution`."""
    module, _, name = key.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except Exception as error:  # a module may raise anything
        kind = type(error).__name__
        raise ValueError(f"{key!r} cannot be imported: {kind}: {error}") from error
    if isinstance(found, Method):
        return found
    if isinstance(found, type) and issubclass(found, Attribution):
        return of_captum(key, name, found)
    what = "a class that does not derive from captum.attr.Attribution"
    if not isinstance(found, type):
        what = f"a {type(found).__name__}"
    raise ValueError(
        f"{key!r} is {what}; expected a captum_rectgrad.evaluation.methods.Method, or a class "
        "that derives from captum.attr.Attribution"
    )


def same_maps(found: Tensor, expected: Tensor) -> bool:
    """Whether two methods give the same maps.

    Rounding can flip single units at a threshold. So the sum of the differences counts, and more
    than half of the images have to agree.

    Args:
        found: `(N, ...)`.
        expected: of the same shape.
    """
    gaps = (found - expected).abs().flatten(1).sum(dim=1)
    scale = expected.abs().flatten(1).sum(dim=1)
    return bool((gaps <= AGREEMENT * scale).double().mean() > 0.5)  # noqa: PLR2004


def check_once(model: nn.Module, key: str, doubt: Callable[[], str | None]) -> None:
    """Check on the first batch whether a method is reliable on a model, and keep the outcome.

    Later batches are not checked, so a hard image cannot abort a run that has begun.

    Args:
        model: the model.
        key: key of the method.
        doubt: the reason why the method is unreliable, or None.

    Raises:
        MethodUnreliableError: the method is unreliable on the model.
    """
    known = _DOUBTS.setdefault(model, {})
    if key not in known:
        known[key] = doubt()
    reason = known[key]
    if reason is not None:
        raise MethodUnreliableError(reason)


def check_hooks(
    of_captum: type[Attribution],
    of_package: type[Attribution],
    key: str,
    model: nn.Module,
    x: Tensor,
    target: Tensor,
) -> None:
    """Check whether a method of Captum that hooks `nn.ReLU` modules is correct on a model.

    Captum returns the plain gradient at other activations without a warning, and overwrites the
    gradient of a skip connection that shares a ReLU's input. The check is made once for a model.

    Args:
        of_captum: Captum's class.
        of_package: this package's class of the same method.
        key: key of the method.
        model: in eval mode.
        x: `(N, C, H, W)`.
        target: `(N,)`.

    Raises:
        MethodUnreliableError: the two differ.
    """

    def doubt() -> str | None:
        found = of_captum(captum_compatible(model)).attribute(x, target=target)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RectGradWarning)
            expected = of_package(model).attribute(x.detach(), target=target)
        if same_maps(found, expected):
            return None
        name = of_captum.__name__
        return f"Captum's {name} is incorrect on this model (it only hooks nn.ReLU modules)"

    check_once(model, key, doubt)


def _guided_backprop(model: nn.Module, x: Tensor, target: Tensor) -> Tensor:
    check_hooks(GuidedBackprop, FunctionalGuidedBackprop, "guided-bp", model, x, target)
    attribution: Tensor = GuidedBackprop(captum_compatible(model)).attribute(x, target=target)
    return attribution


def smooth_grad(
    model: nn.Module,
    x: Tensor,
    target: Tensor,
    *,
    kind: Literal["smoothgrad", "vargrad"] = "smoothgrad",
    samples: int = NOISY_SAMPLES,
) -> Tensor:
    """Captum's `NoiseTunnel` of the signed gradient, with noise in proportion to each image.

    Args:
        model: in eval mode.
        x: images `(N, C, H, W)` that require grad.
        target: `(N,)`.
        kind: mean of the gradients, or their variance (VarGrad).
        samples: number of noisy copies of each image.

    Returns:
        `(N, C, H, W)`.
    """
    # Captum adds noise of one size to the whole batch. Each image is therefore scaled to a range
    # of 1 before the noise is added, and scaled back afterwards.
    flat = x.detach().flatten(1)
    scale = (flat.amax(1) - flat.amin(1)).clamp(min=torch.finfo(x.dtype).tiny)
    scale = scale.view(-1, *[1] * (x.ndim - 1))
    summed = _sum_of_targets(model)
    tunnel = NoiseTunnel(Saliency(lambda unit, scale, target: summed(unit * scale, target)))
    attribution: Tensor = tunnel.attribute(
        x / scale,
        nt_type=kind,
        nt_samples=samples,
        nt_samples_batch_size=max(1, AT_ONCE // len(x)),
        stdevs=NOISE,
        additional_forward_args=(scale, target),
        abs=False,
    )
    return attribution / (scale if kind == "smoothgrad" else scale**2)


def integrated_gradients(
    model: nn.Module, x: Tensor, target: Tensor, *, steps: int = STEPS
) -> Tensor:
    """Captum's `IntegratedGradients` from the zero image.

    Args:
        model: in eval mode.
        x: images `(N, C, H, W)` that require grad.
        target: `(N,)`.
        steps: number of steps of the integral.

    Returns:
        `(N, C, H, W)`.
    """
    attribution: Tensor = IntegratedGradients(_sum_of_targets(model)).attribute(
        x,
        additional_forward_args=target,
        n_steps=steps,
        internal_batch_size=max(AT_ONCE, len(x)),
    )
    return attribution


def _sum_of_targets(model: nn.Module) -> Callable[[Tensor, Tensor], Tensor]:
    """The sum of the target logits of a batch, `(1,)`; its gradient is that of each image's logit.

    Captum differentiates the logits of a batch as separate scalars, which takes a GPU longer than
    the network. Only for methods with many passes.
    """
    return lambda x, target: select_targets(model(x), target).sum().view(1)


def _deep_lift(model: nn.Module, x: Tensor, target: Tensor) -> Tensor:
    # Captum's rule for max-pooling calls `max_unpool2d`, which PyTorch refuses on a GPU where
    # algorithms are deterministic, since windows that overlap may write to one place in any order.
    # Without overlaps the result is deterministic.
    with nondeterminism_allowed("max_unpooling"):
        check_once(model, "deeplift", lambda: _incomplete(model, x.detach(), target))
        attribution: Tensor = DeepLift(captum_compatible(model)).attribute(x, target=target)
    return attribution


def _incomplete(model: nn.Module, x: Tensor, target: Tensor) -> str | None:
    """Why DeepLift's attributions violate completeness (their sum is the change of the output).

    Captum uses the gradient at activations without a rule, and overwrites the gradient of a skip
    connection that shares a ReLU's input, without a warning. The median relative error decides,
    since a change of the output near zero makes any relative error large. A small batch is extended
    by shifted copies, so that no single image decides.
    """
    width = x.shape[-1]
    copies = -(-AT_ONCE // len(x))
    deep_lift = DeepLift(captum_compatible(model))
    errors = []
    # One call for each copy: in one batch they take the memory of as many batches, which is too
    # much for four EfficientNets at once (DiFull).
    for copy in range(copies):
        shifted = x.roll(copy * width // copies, -1).requires_grad_()
        try:
            _, delta = deep_lift.attribute(shifted, target=target, return_convergence_delta=True)
        except RuntimeError as error:
            if "used more than once" not in str(error):
                raise
            return (
                "Captum's DeepLift is not available: it needs one module per call of an activation"
            )
        with torch.no_grad():
            change = model(shifted) - model(torch.zeros_like(shifted))
        expected = change.gather(1, target[:, None])[:, 0]
        errors.append(delta.abs() / expected.abs().clamp(min=1e-12))
    missed = float(torch.cat(errors).median())
    if missed <= (INCOMPLETE_WITH_POOLS if calls_max_pools(model, x) else INCOMPLETE):
        return None
    return f"Captum's DeepLift is incorrect on this model (relative error of the sum {missed:.0%})"


def _rectgrad(
    percentile: float | None, model: nn.Module, x: Tensor, target: Tensor, *, prr: bool
) -> Tensor:
    return RectGrad(model, percentile, prr=prr).attribute(x, target=target)


def _random(_: nn.Module, x: Tensor, __: Tensor) -> Tensor:
    return torch.rand_like(x)
