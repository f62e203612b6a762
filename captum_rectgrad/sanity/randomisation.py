"""Randomisation of a model's layers, cascading or independent.

Adebayo et al. 2018, "Sanity Checks for Saliency Maps", section 4. A map that does not change cannot
depend on what the randomised layers have learnt.
"""

import copy
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from captum_rectgrad.evaluation.seeds import derived_seed
from captum_rectgrad.sanity.attribution_task import AttributionTask
from captum_rectgrad.sanity.defaults import REPEATS
from captum_rectgrad.sanity.logits import logits, same_order
from captum_rectgrad.sanity.parameter_layers import (
    chosen_layers,
    never_called,
    parameter_layers,
)
from captum_rectgrad.sanity.reinitialisation import Reinitialised, reinitialise
from captum_rectgrad.sanity.similarity import SIMILARITIES, Similarity, empty

Order = Literal["cascading", "independent"]
_Number = TypeVar("_Number", np.float64, np.bool_)


@dataclass(frozen=True, eq=False)
class Randomised:
    """A copy of a model with randomised layers.

    Attributes:
        layers: randomised layers, from the output towards the input.
        repeat: number of the randomisation, from 0.
        model: the copy; it is valid until the next one is made.
        made: parameters of the last layer that have no default initialisation.
    """

    layers: tuple[str, ...]
    repeat: int
    model: nn.Module
    made: Reinitialised


@dataclass(frozen=True, eq=False)
class Randomisation:
    """Similarity of maps before and after, for R randomisations and N images.

    Attributes:
        order: order of the randomisation.
        layers: measured layers, in the order of randomisation.
        randomised: number of randomised layers at each of `layers`.
        chosen: whether the user chose the layers, so that they may not be all of the model's.
        similarity: by the name of the measure, `(layers, R, N)`.
        logits: rank correlation of the logits with the original model's, `(layers, R, N)`.
        empty: whether the map is empty, `(layers, R, N)`.
        first: maps of the first image in the first randomisation, `(layers, C, H, W)`.
        made: parameters that have no default initialisation.
        never_called: modules that the forward pass does not call; they are not randomised.
    """

    order: Order
    layers: tuple[str, ...]
    randomised: tuple[int, ...]
    chosen: bool
    similarity: Mapping[str, NDArray[np.float64]]
    logits: NDArray[np.float64]
    empty: NDArray[np.bool_]
    first: Tensor
    made: Reinitialised
    never_called: tuple[str, ...]

    @property
    def half(self) -> int:
        """Index in `layers` of the first with at least half of all layers randomised."""
        whole = self.randomised[-1]
        return next(i for i, count in enumerate(self.randomised) if 2 * count >= whole)


def randomised_models(
    model: nn.Module, layers: Sequence[str], order: Order, seed: int, repeats: int = 1
) -> Iterator[Randomised]:
    """Copies of a model with one layer after the other randomised, `repeats` times.

    Args:
        model: it is not changed.
        layers: names, from the input to the output.
        order: `"cascading"`: cumulatively, from the output towards the input; `"independent"`:
            each layer alone.
        seed: seed of the new parameters.
        repeats: number of randomisations, each with different parameters.

    Yields:
        The copies.
    """
    copied = copy.deepcopy(model)
    for repeat in range(repeats):
        done: list[str] = []
        for layer in reversed(layers):
            if order == "independent" or not done:
                _restore(copied, model)
                done = []
            done.append(layer)
            made = reinitialise(copied, [layer], derived_seed(seed, "repeat", repeat))
            yield Randomised(tuple(done), repeat, copied, made)


def randomisation(
    task: AttributionTask,
    model: nn.Module,
    order: Order = "cascading",
    *,
    layers: Sequence[str] | None = None,
    steps: int | None = None,
    repeats: int = REPEATS,
    seed: int = 0,
    original: Tensor | None = None,
    similarities: Mapping[str, Similarity] = SIMILARITIES,
) -> Randomisation:
    """Compare a model's maps with those of copies with randomised layers.

    Args:
        task: the method and the images.
        model: in eval mode; it is not changed.
        order: see `randomised_models`.
        layers: names of the layers to randomise; None: all layers with parameters.
        steps: number of evenly spaced layers at which maps are computed; None: all. The last layer
            is always included; in a cascade, so is the one with half of the layers randomised.
        repeats: number of randomisations, each with different parameters.
        seed: seed of the new parameters.
        original: maps of the original model, `(N, C, H, W)`; None: they are computed.
        similarities: similarity measures by name.

    Returns:
        The similarities, layer by layer.

    Raises:
        ValueError: the model lacks a layer (the error lists the available ones) or cannot take the
            images, or `steps` or `repeats` is below 1.
        MethodUnreliableError: the method is unreliable on this model.
    """
    available = parameter_layers(model, task.images[:1])
    names = chosen_layers(available, layers)
    measured = measured_layers(len(names), steps, order)
    if repeats < 1:
        raise ValueError(f"repeats must be at least 1, got {repeats}")
    before = task.maps(model) if original is None else original
    logits_before = logits(model, task.images, task.batch_size)
    seen: list[Randomised] = []
    numbers: list[dict[str, NDArray[np.float64]]] = []
    logits_after: list[NDArray[np.float64]] = []
    nothing: list[NDArray[np.bool_]] = []
    first: list[Tensor] = []
    models = randomised_models(model, names, order, seed, repeats)
    with tqdm(total=repeats * len(measured), unit="step", desc=order, disable=None) as progress:
        for place, random in zip(itertools.cycle(range(len(names))), models, strict=False):
            seen.append(random)
            if place not in measured:
                continue
            after = task.maps(random.model)
            numbers.append({name: like(before, after) for name, like in similarities.items()})
            found = logits(random.model, task.images, task.batch_size)
            logits_after.append(same_order(logits_before, found))
            nothing.append(empty(after))
            first.append(after[0])
            progress.update()
    shown = [seen[place] for place in sorted(measured)]
    return Randomisation(
        order=order,
        layers=tuple(random.layers[-1] for random in shown),
        randomised=tuple(len(random.layers) for random in shown),
        chosen=layers is not None,
        similarity={
            name: _by_layer([row[name] for row in numbers], repeats) for name in similarities
        },
        logits=_by_layer(logits_after, repeats),
        empty=_by_layer(nothing, repeats),
        first=torch.stack(first[: len(measured)]),
        made=_together([random.made for random in seen]),
        never_called=tuple(never_called(model, available)),
    )


def measured_layers(count: int, steps: int | None, order: Order) -> set[int]:
    """Indices of the layers at which maps are computed.

    Args:
        count: number of layers.
        steps: as in `randomisation`.
        order: as in `randomised_models`.

    Returns:
        The indices, in [0, count).

    Raises:
        ValueError: `steps` is below 1.
    """
    if steps is not None and steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    if steps is None or steps >= count:
        return set(range(count))
    chosen = {round(place) for place in np.linspace(count - 1, 0, steps)}
    return chosen | ({(count + 1) // 2 - 1} if order == "cascading" else set())


def _restore(copied: nn.Module, model: nn.Module) -> None:
    """Restore parameters and buffers, including buffers that are not in the state dict."""
    with torch.no_grad():
        for tensors in (nn.Module.parameters, nn.Module.buffers):
            for mine, its in zip(tensors(copied), tensors(model), strict=True):
                mine.copy_(its)


def _by_layer(values: Sequence[NDArray[_Number]], repeats: int) -> NDArray[_Number]:
    """Rows by re-initialisation and layer as an array of shape `(layers, R, N)`."""
    rows = np.stack(values)
    found: NDArray[_Number] = rows.reshape(repeats, -1, rows.shape[1]).swapaxes(0, 1)
    return found


def _together(made: Sequence[Reinitialised]) -> Reinitialised:
    return Reinitialised(
        drawn=tuple(sorted({name for each in made for name in each.drawn})),
        left=tuple(sorted({name for each in made for name in each.left})),
    )
