"""Maps of a model whose layers are re-initialised: cascading, or one at a time.

Adebayo et al. 2018, "Sanity Checks for Saliency Maps", section 4. A map that stays as it was cannot
depend on what those layers have learnt.
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
from captum_rectgrad.sanity.defaults import REPEATS
from captum_rectgrad.sanity.explaining import Explaining
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
    """A copy of a model with random layers.

    Attributes:
        layers: those that are random, from the output towards the input.
        repeat: which of the re-initialisations this is, from 0.
        model: the copy; only good until the next one is made.
        made: what became of the parameters of the last of the layers.
    """

    layers: tuple[str, ...]
    repeat: int
    model: nn.Module
    made: Reinitialised


@dataclass(frozen=True, eq=False)
class Randomisation:
    """How alike maps are before and after, for R re-initialisations and N images.

    Attributes:
        order: of the randomisation.
        layers: where it was measured, in the order of randomisation.
        randomised: how many layers were random there.
        chosen: whether the layers were named, so that they need not be all that there are.
        similarity: by the name of the measure, `(layers, R, N)`.
        logits: rank correlation of the logits with the model's, `(layers, R, N)`.
        empty: whether the map is empty, `(layers, R, N)`.
        first: maps of the first image, of the first re-initialisation, `(layers, C, H, W)`.
        made: what became of parameters that are not simply made anew.
        never_called: modules whose parameters stay as they are, as the forward pass does not call
            them.
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
        """Where among `layers` at least half of those that are made random in the end are."""
        whole = self.randomised[-1]
        return next(i for i, count in enumerate(self.randomised) if 2 * count >= whole)


def randomised_models(
    model: nn.Module, layers: Sequence[str], order: Order, seed: int, repeats: int = 1
) -> Iterator[Randomised]:
    """Copies of a model, one layer after the other re-initialised; then all that once more.

    Args:
        model: it is not changed.
        layers: names, from the input to the output.
        order: `"cascading"`: from the output towards the input, each in addition to those before;
            `"independent"`: each alone.
        seed: of the new parameters.
        repeats: how many times, each with parameters of its own.

    Yields:
        The copy.
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
    explaining: Explaining,
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
    """Compare maps of a model with those of copies that have random layers.

    Args:
        explaining: the method and the images.
        model: in eval mode; it is not changed.
        order: see `randomised_models`.
        layers: names of those that are randomised; None: all that have parameters.
        steps: at how many of them, evenly spaced, maps are made; None: at all. The last layer
            always counts; cascading, there are maps where half of them are random besides.
        repeats: how many times layers are re-initialised, each with parameters of its own.
        seed: of the new parameters.
        original: the maps of the model itself, `(N, C, H, W)`, if they are there already.
        similarities: what is measured, by name.

    Returns:
        The similarities, layer by layer.

    Raises:
        ValueError: a layer is not in the model (the error lists those that are), the model cannot
            take the images, or `steps` or `repeats` is below 1.
        NotAvailableError: the method would not be itself on this model.
    """
    available = parameter_layers(model, explaining.images[:1])
    names = chosen_layers(available, layers)
    measured = _evenly(len(names), steps, middle=order == "cascading")
    if repeats < 1:
        raise ValueError(f"repeats must be at least 1, got {repeats}")
    before = explaining.maps(model) if original is None else original
    logits_before = logits(model, explaining.images, explaining.batch_size)
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
            after = explaining.maps(random.model)
            numbers.append({name: like(before, after) for name, like in similarities.items()})
            found = logits(random.model, explaining.images, explaining.batch_size)
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


def _restore(copied: nn.Module, model: nn.Module) -> None:
    """Buffers that are not in a state dict, too."""
    with torch.no_grad():
        for tensors in (nn.Module.parameters, nn.Module.buffers):
            for mine, its in zip(tensors(copied), tensors(model), strict=True):
                mine.copy_(its)


def _evenly(count: int, steps: int | None, *, middle: bool) -> set[int]:
    """Which of `count` layers are measured: `steps` from the last on; with `middle`, half too."""
    if steps is not None and steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    if steps is None or steps >= count:
        return set(range(count))
    chosen = {round(place) for place in np.linspace(count - 1, 0, steps)}
    return chosen | ({(count + 1) // 2 - 1} if middle else set())


def _by_layer(values: Sequence[NDArray[_Number]], repeats: int) -> NDArray[_Number]:
    """From one row for each re-initialisation and layer to `(layers, R, N)`."""
    rows = np.stack(values)
    found: NDArray[_Number] = rows.reshape(repeats, -1, rows.shape[1]).swapaxes(0, 1)
    return found


def _together(made: Sequence[Reinitialised]) -> Reinitialised:
    return Reinitialised(
        drawn=tuple(sorted({name for each in made for name in each.drawn})),
        left=tuple(sorted({name for each in made for name in each.left})),
    )
