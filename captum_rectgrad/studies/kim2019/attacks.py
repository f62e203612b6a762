"""Adversarial examples, and how alike maps before and after are (for figures 5b and 16)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from captum.robust import FGSM
from numpy.typing import NDArray
from torch import Tensor, nn

from captum_rectgrad.evaluation.map_metrics import rank_correlation, top_overlap, without_sign
from captum_rectgrad.evaluation.methods import Method
from captum_rectgrad.evaluation.seeds import derived_seed
from captum_rectgrad.studies.compute.batches import in_batches
from captum_rectgrad.studies.compute.maps import finished
from captum_rectgrad.studies.compute.progress import Progress
from captum_rectgrad.studies.data.material import Network
from captum_rectgrad.studies.framework.comparing import Measured
from captum_rectgrad.studies.framework.lab import Lab

Likeness = Callable[[Tensor, Tensor], Tensor]  # of two maps, `(N, C, H, W)` each, to `(N,)`
Numbers = NDArray[np.float64]
Case = tuple[str, float, str]  # final threshold, epsilon, measure


def _of_absolute(measure: Likeness, first: Tensor, second: Tensor) -> Tensor:
    return measure(without_sign(first), without_sign(second))


RANK, OVERLAP = "rank correlation", "overlap"
SIGNED = {RANK: rank_correlation, OVERLAP: top_overlap}
# Whether a pixel speaks for the class or against it depends on the method's sign: so each measure
# is taken once more of maps without.
MEASURES: dict[str, Likeness] = {
    **SIGNED,
    **{
        f"{name} of absolute values": partial(_of_absolute, measure)
        for name, measure in SIGNED.items()
    },
}


@dataclass(frozen=True, eq=False)
class Attack:
    """What an attack made of some images.

    Attributes:
        inputs: `(N, 3, H, W)`, in [-1, 1].
        targets: the classes predicted now, `(N,)`.
        flipped: whether these are others than before, `(N,)`.
    """

    inputs: Tensor
    targets: Tensor
    flipped: NDArray[np.bool_]


def attack(lab: Lab, network: Network, inputs: Tensor, targets: Tensor, epsilon: float) -> Attack:
    """The fast gradient sign method: one step that raises the cross-entropy.

    Args:
        lab: the machine.
        network: what is attacked.
        inputs: `(N, 3, H, W)`, in [-1, 1].
        targets: the classes predicted before, `(N,)`.
        epsilon: length of the step.

    Returns:
        The inputs moved by it, clipped to [-1, 1].
    """
    # Summed, a loss gives each image its own gradient, whatever the batch.
    fgsm = FGSM(network.model, nn.CrossEntropyLoss(reduction="none"), -1.0, 1.0)
    # The gradient at an image of which the network is sure is tiny, and its sign counts all the
    # same; Captum would leave what is below 1e-6.
    fgsm.zero_thresh = 0

    def compute(batch: slice) -> Tensor:
        leaf = inputs[batch].to(lab.device, copy=True).requires_grad_()
        moved: Tensor = fgsm.perturb(leaf, epsilon, targets[batch].to(lab.device))
        return moved.detach().cpu()

    moved = torch.cat([found for _, found in in_batches(len(inputs), lab.batch_size, compute)])
    after = lab.predictions(network, moved)
    return Attack(moved, after, (after != targets).numpy())


def compare(
    lab: Lab,
    network: Network,
    inputs: Tensor,
    targets: Tensor,
    attacks: Mapping[float, Attack],
) -> dict[tuple[str, float], Measured]:
    """How alike the maps before and after are, image by image.

    Args:
        lab: methods and machine.
        network: what is explained.
        inputs: before, `(N, 3, H, W)`, in [-1, 1].
        targets: predicted before, `(N,)`.
        attacks: by epsilon.

    Returns:
        By the name of the final threshold and epsilon.
    """
    methods = tuple(lab.methods)
    found: dict[Case, dict[str, Numbers]] = {}
    with Progress(len(inputs) * len(methods), "map", network.name) as progress:
        for method in methods:

            def compute(batch: slice, method: Method = method) -> dict[Case, Tensor]:
                return _compare_batch(lab, network, method, inputs, targets, attacks, batch)

            parts = []
            for batch, part in in_batches(len(inputs), lab.batch_size, compute):
                parts.append(part)
                progress.update(batch.stop - batch.start)
            for case in parts[0]:
                numbers = torch.cat([part[case] for part in parts]).numpy()
                found.setdefault(case, {})[method.key] = numbers
    return {
        (final, epsilon): Measured(
            methods, {name: found[final, epsilon, name] for name in MEASURES}
        )
        for final in lab.finals
        for epsilon in attacks
    }


def _compare_batch(
    lab: Lab,
    network: Network,
    method: Method,
    inputs: Tensor,
    targets: Tensor,
    attacks: Mapping[float, Attack],
    batch: slice,
) -> dict[Case, Tensor]:
    """All comparisons of some images, `(n,)` each."""
    first = replace(lab, final_percentile=None, seed=derived_seed(lab.seed, batch.start))
    # What a method draws is the same before and after, so that nothing but the image and the class
    # makes a difference; but for random maps, which would be the same map.
    second = replace(first, seed=derived_seed(first.seed, "after")) if method.control else first
    before = first.few_maps(method, network, inputs[batch], targets[batch])
    found: dict[Case, Tensor] = {}
    for epsilon, done in attacks.items():
        after = second.few_maps(method, network, done.inputs[batch], done.targets[batch])
        for final, percentile in lab.finals.items():
            pair = finished(method, before, percentile), finished(method, after, percentile)
            for name, measure in MEASURES.items():
                found[final, epsilon, name] = measure(*pair)
    return found
