"""All checks of one method on one model."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.dropout import _DropoutNd

from captum_rectgrad.attr.base import ModifiedGradient
from captum_rectgrad.sanity import findings
from captum_rectgrad.sanity.attribution_task import AttributionTask
from captum_rectgrad.sanity.class_sensitivity import class_sensitivity, other_classes
from captum_rectgrad.sanity.convergence import Convergence, convergence
from captum_rectgrad.sanity.defaults import BOUND, OTHERS, REPEATS, STEPS
from captum_rectgrad.sanity.findings import Finding
from captum_rectgrad.sanity.image_recovery import image_recovery
from captum_rectgrad.sanity.logits import check_classes, logits
from captum_rectgrad.sanity.parameter_layers import chosen_layers, parameter_layers
from captum_rectgrad.sanity.random_labels import random_labels
from captum_rectgrad.sanity.randomisation import Order, Randomisation, randomisation
from captum_rectgrad.sanity.similarity import IMAGE, UNSIGNED, empty


@dataclass(frozen=True)
class CheckOptions:
    """What may be chosen.

    Attributes:
        bound: similarity above which maps that should differ count as alike, in (0, 1).
        layers: names of those that are randomised; None: all that have parameters.
        steps: at how many of them maps are made; None: at all.
        repeats: how many times layers are randomised, each with parameters of its own.
        others: classes that the explained one is compared with; None: those with the next logits,
            and the one with the smallest.
        seed: of all that is random.

    Raises:
        ValueError: a number is out of its range, or `layers` or `others` is empty.
    """

    bound: float = BOUND
    layers: Sequence[str] | None = None
    steps: int | None = STEPS
    repeats: int = REPEATS
    others: Sequence[int] | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the numbers."""
        if not 0 < self.bound < 1:
            raise ValueError(f"bound must be between 0 and 1, got {self.bound}")
        for name in ("steps", "repeats"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        for name in ("layers", "others"):
            value = getattr(self, name)
            if value is not None and not value:
                raise ValueError(f"{name} must name at least one, or be None for the default")


@dataclass(frozen=True, eq=False)
class CheckReport:
    """The outcome of all checks.

    Attributes:
        findings: of each, in order.
        original: the maps of the model itself, `(N, C, H, W)`.
        cascade: similarities, layers added from the output on.
        single: similarities, each layer alone.
        converged: of the backward signal; None where it is not defined for the method.
        empty: how many of the model's own maps are empty, and have no likeness to anything.
    """

    findings: tuple[Finding, ...]
    original: Tensor
    cascade: Randomisation
    single: Randomisation
    converged: Convergence | None
    empty: int

    @property
    def failed(self) -> bool:
        """Whether any check failed."""
        return any(finding.verdict == "failed" for finding in self.findings)

    @property
    def decided(self) -> bool:
        """Whether any check failed or passed."""
        return any(finding.verdict in ("failed", "passed") for finding in self.findings)


def check(
    task: AttributionTask,
    model: nn.Module,
    options: CheckOptions | None = None,
    *,
    rule: ModifiedGradient | None = None,
    of_random_labels: nn.Module | None = None,
) -> CheckReport:
    """Make all checks.

    Args:
        task: the method, the images and the classes.
        model: in eval mode; it is not changed.
        options: see there.
        rule: the method again, if it is a rule for the gradient at activations: the convergence of
            the backward signal is defined for no other.
        of_random_labels: the same network trained on random labels, for that check.

    Returns:
        The findings.

    Raises:
        ValueError: a layer or class is one that the model does not have, the images are not of its
            size, the model is in training mode, or the network of the random labels is not of the
            same parameters, or the same network. All that before the first map is made.
        MethodUnreliableError: the method is unreliable on this model.
    """
    options = options or CheckOptions()
    others = _valid(task, model, options, of_random_labels)
    original = task.maps(model)

    def randomised(order: Order) -> Randomisation:
        return randomisation(
            task,
            model,
            order,
            layers=options.layers,
            steps=options.steps,
            repeats=options.repeats,
            seed=options.seed,
            original=original,
        )

    cascade, single = randomised("cascading"), randomised("independent")
    bound, seed = options.bound, options.seed
    sensitivity = class_sensitivity(task, model, others, original=original)
    recovery = image_recovery(task, model, original=original)
    converged = None
    if rule is not None:
        size = task.batch_size
        converged = convergence(rule, task.images, batch_size=size, seed=seed)
    found = (
        findings.judge_cascade(cascade, bound, seed),
        findings.judge_single_layers(single, bound, seed),
        _labels(task, model, of_random_labels, original, options),
        findings.judge_classes(sensitivity, bound, seed),
        findings.judge_pairs("image recovery", recovery, IMAGE, bound, _IMAGE, seed),
        findings.not_run(_CONVERGENCE, "it is defined for rules at activations alone")
        if converged is None
        else findings.judge_convergence(converged, bound, seed),
    )
    return CheckReport(found, original, cascade, single, converged, int(empty(original).sum()))


def _valid(
    task: AttributionTask,
    model: nn.Module,
    options: CheckOptions,
    of_random_labels: nn.Module | None,
) -> Tensor:
    """Raise what `check` says; the other classes, `(N, K)`."""
    one = task.images[:1]
    _check_mode(model)
    chosen_layers(parameter_layers(model, one), options.layers)
    classes = logits(model, one).shape[1]
    check_classes(classes, task.targets)
    if of_random_labels is not None:
        _check_twin(model, of_random_labels)
    if options.others is None:
        return other_classes(model, task.images, OTHERS, task.batch_size)
    others = torch.tensor(options.others).expand(len(task.images), -1)
    check_classes(classes, others)
    return others


def _check_mode(model: nn.Module) -> None:
    training = [
        f"{name!r} ({type(module).__name__})"
        for name, module in model.named_modules()
        if isinstance(module, (_NormBase, _DropoutNd)) and module.training
    ]
    if training:
        raise ValueError(
            f"the model is in training mode at {training[0]}: its outputs are random or depend on "
            "the batch, and it would change; call model.eval() first"
        )


def _check_twin(model: nn.Module, other: nn.Module) -> None:
    """Whether the other can be the same network, trained on other labels."""
    ours, theirs = model.state_dict(), other.state_dict()
    for name in sorted(ours.keys() | theirs.keys()):
        shapes = [tuple(state[name].shape) if name in state else None for state in (ours, theirs)]
        if shapes[0] != shapes[1]:
            raise ValueError(
                "the network trained on random labels is not the same network: its "
                f"{name} has the shape {shapes[1]}, the model's {shapes[0]}"
            )
    if all(torch.equal(value.cpu(), theirs[name].cpu()) for name, value in ours.items()):
        raise ValueError(
            "the network said to be trained on random labels has the model's own weights"
        )


def _labels(
    task: AttributionTask,
    model: nn.Module,
    other: nn.Module | None,
    original: Tensor,
    options: CheckOptions,
) -> Finding:
    if other is None:
        return findings.not_run(
            _RANDOM_LABELS, "it needs the same network trained on random labels"
        )
    values = random_labels(task, model, other, original=original)
    return findings.judge_pairs(
        _RANDOM_LABELS, values, UNSIGNED, options.bound, _LABELS, options.seed
    )


_RANDOM_LABELS, _CONVERGENCE = "random labels", findings.CONVERGENCE
_IMAGE: findings.VerdictTexts = {
    "failed": "maps are much like the image itself ({})",
    "passed": "maps are not the image itself ({})",
    "undecided": "maps are like the image to a degree ({}) that decides nothing",
}
_LABELS: findings.VerdictTexts = {
    "failed": "a network that was trained on random labels has much the same maps ({})",
    "passed": "a network that was trained on random labels has other maps ({})",
    "undecided": "a network that was trained on random labels has maps that are alike to a degree "
    "({}) that decides nothing",
}
