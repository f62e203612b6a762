"""Adversarial examples, and the similarity of maps before and after (for figures 5b and 16)."""

from collections.abc import Callable, Mapping, Sequence
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
from captum_rectgrad.studies.compute.progress import Progress
from captum_rectgrad.studies.data.study_data import Network
from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.framework.map_measurements import MapMeasurements
from captum_rectgrad.studies.options import Final

Likeness = Callable[[Tensor, Tensor], Tensor]  # of two maps, `(N, C, H, W)` each, to `(N,)`
Numbers = NDArray[np.float64]
Case = tuple[Final, float, str]  # final threshold, epsilon, measure


def _of_absolute(measure: Likeness, first: Tensor, second: Tensor) -> Tensor:
    return measure(without_sign(first), without_sign(second))


RANK, OVERLAP = "rank correlation", "overlap"
SIGNED = {RANK: rank_correlation, OVERLAP: top_overlap}
# The sign of a pixel depends on the method, so each measure is also computed from absolute maps.
MEASURES: dict[str, Likeness] = {
    **SIGNED,
    **{
        f"{name} of absolute values": partial(_of_absolute, measure)
        for name, measure in SIGNED.items()
    },
}


@dataclass(frozen=True, eq=False)
class Attack:
    """Attacked images and a network's predictions.

    Attributes:
        inputs: `(N, 3, H, W)`, in [-1, 1].
        targets: the predicted classes after the attack, `(N,)`.
        flipped: whether the prediction changed, `(N,)`.
    """

    inputs: Tensor
    targets: Tensor
    flipped: NDArray[np.bool_]


def finals(context: StudyContext) -> tuple[Final, ...]:
    """The primary final threshold and none: a third one would take half as much time again."""
    return tuple(final for final in context.finals if final != "values")


def attack(
    context: StudyContext, network: Network, inputs: Tensor, targets: Tensor, epsilon: float
) -> Attack:
    """The fast gradient sign method: one step that increases the cross-entropy.

    Args:
        context: its device and batch size are used.
        network: the attacked network.
        inputs: `(N, 3, H, W)`, in [-1, 1].
        targets: the predicted classes before the attack, `(N,)`.
        epsilon: step size.

    Returns:
        The attacked inputs, clipped to [-1, 1].
    """
    # The sum of the losses gives each image its own gradient, independent of the batch.
    fgsm = FGSM(network.model, nn.CrossEntropyLoss(reduction="none"), -1.0, 1.0)
    # The gradient of a confidently classified image is tiny, and its sign is still used. Captum
    # would ignore values below 1e-6.
    fgsm.zero_thresh = 0

    def compute(batch: slice) -> Tensor:
        leaf = inputs[batch].to(context.device, copy=True).requires_grad_()
        moved: Tensor = fgsm.perturb(leaf, epsilon, targets[batch].to(context.device))
        return moved.detach().cpu()

    moved = torch.cat([found for _, found in in_batches(len(inputs), context.batch_size, compute)])
    after = context.predictions(network, moved)
    return Attack(moved, after, (after != targets).numpy())


def compare(
    context: StudyContext,
    networks: Sequence[Network],
    inputs: Tensor,
    targets: Tensor,
    attacks: Mapping[float, Sequence[Attack]],
) -> dict[tuple[Final, float], MapMeasurements]:
    """Similarity of the maps before and after, for each network and image.

    Args:
        context: methods and device.
        networks: the R explained networks.
        inputs: before the attack, `(N, 3, H, W)`, in [-1, 1].
        targets: the classes that all networks predict before the attack, `(N,)`.
        attacks: by epsilon, the attack on each network.

    Returns:
        Measurements `(R, N)` by the final threshold and epsilon.
    """
    methods = tuple(context.methods)
    rows: dict[Case, dict[str, list[Numbers]]] = {}
    for number, network in enumerate(networks):
        against = {epsilon: done[number] for epsilon, done in attacks.items()}
        with Progress(len(inputs) * len(methods), "map", network.name) as progress:
            for method in methods:

                def compute(
                    batch: slice,
                    method: Method = method,
                    network: Network = network,
                    against: Mapping[float, Attack] = against,
                ) -> dict[Case, Tensor]:
                    return _compare_batch(context, network, method, inputs, targets, against, batch)

                parts = []
                for batch, part in in_batches(len(inputs), context.batch_size, compute):
                    parts.append(part)
                    progress.update(batch.stop - batch.start)
                for case in parts[0]:
                    found = torch.cat([part[case] for part in parts]).numpy()
                    rows.setdefault(case, {}).setdefault(method.key, []).append(found)
    return {
        (final, epsilon): MapMeasurements(
            methods,
            {
                name: {key: np.stack(of) for key, of in rows[final, epsilon, name].items()}
                for name in MEASURES
            },
        )
        for final in finals(context)
        for epsilon in attacks
    }


def _compare_batch(
    context: StudyContext,
    network: Network,
    method: Method,
    inputs: Tensor,
    targets: Tensor,
    attacks: Mapping[float, Attack],
    batch: slice,
) -> dict[Case, Tensor]:
    """All comparisons of a batch, `(n,)` each."""
    first = replace(context, seed=derived_seed(context.seed, batch.start))
    # A method has the same random numbers before and after, so only the image and the class make a
    # difference. Random maps are the exception: they would be equal.
    second = replace(first, seed=derived_seed(first.seed, "after")) if method.control else first
    before = first.few_maps(method, network, inputs[batch], targets[batch])
    found: dict[Case, Tensor] = {}
    for epsilon, done in attacks.items():
        after = second.few_maps(method, network, done.inputs[batch], done.targets[batch])
        for final in finals(context):
            pair = [context.finished(method, maps, final) for maps in (before, after)]
            for name, measure in MEASURES.items():
                found[final, epsilon, name] = measure(*pair)
    return found
