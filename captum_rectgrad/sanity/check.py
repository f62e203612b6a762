"""All sanity checks of one method on one model."""

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
    """Options of the checks.

    Attributes:
        bound: similarity above which two maps count as the same, in (0, 1).
        layers: names of the layers to randomise; None: all layers with parameters.
        steps: number of layers at which maps are computed; None: all.
        repeats: number of randomisations, each with different parameters.
        others: classes to compare with the explained one; None: the classes with the next highest
            logits and the one with the smallest.
        seed: seed of all random numbers.

    Raises:
        ValueError: a number is out of range, or `layers` or `others` is empty.
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
                raise ValueError(f"got an empty {name}: name at least one, or None for the default")


@dataclass(frozen=True, eq=False)
class CheckReport:
    """The outcome of all checks.

    Attributes:
        findings: one for each check, in order.
        original: maps of the original model, `(N, C, H, W)`.
        cascade: similarities with layers randomised cumulatively, starting at the output.
        single: similarities with each layer randomised alone.
        converged: cosines of backward signals; None where they are not defined for the method.
        empty: number of the original model's maps that are constant and thus have no similarity.
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
    """Run all checks.

    Args:
        task: the method, the images and the classes.
        model: in eval mode; it is not changed.
        options: options of the checks.
        rule: constructor of the method if it is a gradient rule at activations; the convergence of
            the backward signal is only defined for these.
        of_random_labels: the same architecture trained on random labels, for that check.

    Returns:
        The findings.

    Raises:
        ValueError: the model lacks a layer or class, the images have the wrong size, the model is
            in training mode, or the model of random labels has different parameter shapes or the
            same weights. It is raised before the first map is computed.
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
        findings.not_run(_CONVERGENCE, "it is only defined for gradient rules at activations")
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
    """Validate the arguments of `check`; returns the other classes, `(N, K)`."""
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
            f"the model is in training mode at {training[0]}, so its outputs are random or depend "
            "on the batch and its state would change; call model.eval() first"
        )


def _check_twin(model: nn.Module, other: nn.Module) -> None:
    """Check that `other` can be the same architecture, trained on other labels."""
    ours, theirs = model.state_dict(), other.state_dict()
    for name in sorted(ours.keys() | theirs.keys()):
        shapes = [tuple(state[name].shape) if name in state else None for state in (ours, theirs)]
        if shapes[0] != shapes[1]:
            raise ValueError(
                "the network trained on random labels is not the same network: its "
                f"{name} has shape {shapes[1]}, expected {shapes[0]}; train the same architecture"
            )
    if all(torch.equal(value.cpu(), theirs[name].cpu()) for name, value in ours.items()):
        raise ValueError(
            "the network of random labels has the model's own weights; expected the same "
            "architecture trained on random labels"
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
            _RANDOM_LABELS, "it needs the same architecture trained on random labels"
        )
    values = random_labels(task, model, other, original=original)
    return findings.judge_pairs(
        _RANDOM_LABELS, values, UNSIGNED, options.bound, _LABELS, options.seed
    )


_RANDOM_LABELS, _CONVERGENCE = "random labels", findings.CONVERGENCE
_IMAGE: findings.VerdictTexts = {
    "failed": "maps resemble the input image (similarity {})",
    "passed": "maps do not resemble the input image (similarity {})",
    "undecided": "it is undecided whether maps resemble the input image (similarity {})",
}
_LABELS: findings.VerdictTexts = {
    "failed": "maps do not change when the network is trained on random labels (similarity {})",
    "passed": "maps change when the network is trained on random labels (similarity {})",
    "undecided": "it is undecided whether maps change when the network is trained on random labels "
    "(similarity {})",
}
