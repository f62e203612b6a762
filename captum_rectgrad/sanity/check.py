"""All checks of one method on one model."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from captum_rectgrad.modified_gradient import ModifiedGradient
from captum_rectgrad.sanity import findings
from captum_rectgrad.sanity.class_sensitivity import class_sensitivity, other_classes
from captum_rectgrad.sanity.convergence import Convergence, convergence
from captum_rectgrad.sanity.explaining import Explaining
from captum_rectgrad.sanity.findings import Finding
from captum_rectgrad.sanity.image_recovery import image_recovery
from captum_rectgrad.sanity.random_labels import random_labels
from captum_rectgrad.sanity.randomisation import Order, Randomisation, randomisation
from captum_rectgrad.sanity.similarity import IMAGE, UNSIGNED

BOUND = 0.5  # of a similarity that is 1 for equal maps
STEPS = 8  # layers at which maps of randomised models are made
OTHERS = 3  # classes that the explained one is compared with


@dataclass(frozen=True)
class Options:
    """What may be chosen.

    Attributes:
        bound: similarity above which maps that should differ count as alike, in (0, 1).
        layers: names of those that are randomised; None: all that have parameters.
        steps: at how many of them maps are made; None: at all.
        others: classes that the explained one is compared with; None: those with the next logits,
            and the one with the smallest.
        seed: of all that is random.
    """

    bound: float = BOUND
    layers: Sequence[str] | None = None
    steps: int | None = STEPS
    others: Sequence[int] | None = None
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Checked:
    """The outcome of all checks.

    Attributes:
        findings: of each, in order.
        original: the maps of the model itself, `(N, C, H, W)`.
        cascade: similarities, layers added from the output on.
        single: similarities, each layer alone.
        converged: of the backward signal; None where it is not defined for the method.
    """

    findings: tuple[Finding, ...]
    original: Tensor
    cascade: Randomisation
    single: Randomisation
    converged: Convergence | None

    @property
    def failed(self) -> bool:
        """Whether any check failed."""
        return any(finding.verdict == "failed" for finding in self.findings)


def check(
    explaining: Explaining,
    model: nn.Module,
    options: Options | None = None,
    *,
    rule: ModifiedGradient | None = None,
    of_random_labels: nn.Module | None = None,
) -> Checked:
    """Make all checks.

    Args:
        explaining: the method, the images and the classes.
        model: in eval mode; it is not changed.
        options: see there.
        rule: the method again, if it is a rule for the gradient at activations: the convergence of
            the backward signal is defined for no other.
        of_random_labels: the same network trained on random labels, for that check.

    Returns:
        The findings.

    Raises:
        ValueError: a layer or class is one that the model does not have, or the images are not of
            its size.
        NotAvailableError: the method would not be itself on this model.
    """
    options = options or Options()
    others = _others(explaining, model, options)
    original = explaining.maps(model)

    def randomised(order: Order) -> Randomisation:
        return randomisation(
            explaining,
            model,
            order,
            layers=options.layers,
            steps=options.steps,
            seed=options.seed,
            original=original,
        )

    cascade, single = randomised("cascading"), randomised("independent")
    bound, seed = options.bound, options.seed
    sensitivity = class_sensitivity(explaining, model, others, original=original)
    recovery = image_recovery(explaining, model, original=original)
    converged = None if rule is None else convergence(rule, explaining.images, seed=seed)
    found = (
        findings.of_cascade(cascade, bound, seed),
        findings.of_single_layers(single, bound, seed),
        _labels(explaining, model, of_random_labels, original, options),
        findings.of_pairs("class sensitivity", sensitivity, UNSIGNED, bound, _CLASSES, seed),
        findings.of_pairs("image recovery", recovery, IMAGE, bound, _IMAGE, seed),
        findings.not_run(_CONVERGENCE, "it is defined for rules at activations alone")
        if converged is None
        else findings.of_convergence(converged, bound, seed),
    )
    return Checked(found, original, cascade, single, converged)


def _others(explaining: Explaining, model: nn.Module, options: Options) -> Tensor:
    if options.others is None:
        return other_classes(model, explaining.images, OTHERS, explaining.batch_size)
    return torch.tensor(options.others).expand(len(explaining.images), -1)


def _labels(
    explaining: Explaining,
    model: nn.Module,
    other: nn.Module | None,
    original: Tensor,
    options: Options,
) -> Finding:
    if other is None:
        return findings.not_run(
            _RANDOM_LABELS, "it needs the same network trained on random labels"
        )
    values = random_labels(explaining, model, other, original=original)
    return findings.of_pairs(_RANDOM_LABELS, values, UNSIGNED, options.bound, _LABELS, options.seed)


_RANDOM_LABELS, _CONVERGENCE = "random labels", findings.CONVERGENCE
_CLASSES: findings.Said = {
    "failed": "maps for other classes are much the same ({}): they do not show what speaks for one",
    "passed": "maps for other classes are others ({})",
    "undecided": "maps for other classes are alike to a degree ({}) that decides nothing",
}
_IMAGE: findings.Said = {
    "failed": "maps are much like the image itself ({})",
    "passed": "maps are not the image itself ({})",
    "undecided": "maps are like the image to a degree ({}) that decides nothing",
}
_LABELS: findings.Said = {
    "failed": "a network that was trained on random labels has much the same maps ({})",
    "passed": "a network that was trained on random labels has other maps ({})",
    "undecided": "a network that was trained on random labels has maps that are alike to a degree "
    "({}) that decides nothing",
}
