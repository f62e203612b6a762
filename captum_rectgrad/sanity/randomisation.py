"""Maps of a model whose layers are re-initialised: cascading, or one at a time.

Adebayo et al. 2018, "Sanity Checks for Saliency Maps", section 4. A map that stays as it was cannot
depend on what those layers have learnt.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from captum_rectgrad.sanity.explaining import Explaining
from captum_rectgrad.sanity.parameter_layers import chosen_layers, parameter_layers
from captum_rectgrad.sanity.reinitialisation import reinitialise
from captum_rectgrad.sanity.similarity import SIMILARITIES, Similarity

Order = Literal["cascading", "independent"]


@dataclass(frozen=True, eq=False)
class Randomised:
    """A copy of a model with random layers.

    Attributes:
        last: the layer that was re-initialised last.
        layers: all that are, from the output towards the input.
        model: the copy; only good until the next one is made.
    """

    last: str
    layers: tuple[str, ...]
    model: nn.Module


@dataclass(frozen=True, eq=False)
class Randomisation:
    """How alike maps are before and after.

    Attributes:
        order: of the randomisation.
        layers: where it was measured, in the order of randomisation.
        randomised: how many layers were random there.
        similarity: by the name of the measure, `(layers, N)`.
        first: maps of the first image, `(layers, C, H, W)`.
        undefined: parameters whose re-initialisation is not defined, and that were drawn from a
            normal distribution with their mean and standard deviation.
    """

    order: Order
    layers: tuple[str, ...]
    randomised: tuple[int, ...]
    similarity: Mapping[str, NDArray[np.float64]]
    first: Tensor
    undefined: tuple[str, ...]

    @property
    def half(self) -> int:
        """Where among `layers` at least half of those that are made random in the end are."""
        whole = self.randomised[-1]
        return next(i for i, count in enumerate(self.randomised) if 2 * count >= whole)


def randomised_models(
    model: nn.Module, layers: Sequence[str], order: Order, seed: int
) -> Iterator[tuple[Randomised, list[str]]]:
    """Copies of a model, one layer after the other re-initialised.

    Args:
        model: it is not changed.
        layers: names, from the input to the output.
        order: `"cascading"`: from the output towards the input, each in addition to those before;
            `"independent"`: each alone.
        seed: of the new parameters.

    Yields:
        The copy, and the parameters whose re-initialisation is not defined.
    """
    copied = copy.deepcopy(model)
    done: list[str] = []
    for layer in reversed(layers):
        if order == "independent":
            copied.load_state_dict(model.state_dict())
            done = []
        done.append(layer)
        undefined = reinitialise(copied, [layer], seed)
        yield Randomised(layer, tuple(done), copied), undefined


def randomisation(
    explaining: Explaining,
    model: nn.Module,
    order: Order = "cascading",
    *,
    layers: Sequence[str] | None = None,
    steps: int | None = None,
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
            always counts.
        seed: of the new parameters.
        original: the maps of the model itself, if they are there already.
        similarities: what is measured, by name.

    Returns:
        The similarities, layer by layer.

    Raises:
        ValueError: a layer is not in the model (the error lists those that are), or `steps` is
            below 1.
        NotAvailableError: the method would not be itself on this model.
    """
    names = chosen_layers(parameter_layers(model, explaining.images[:1]), layers)
    measured = _evenly(len(names), steps)
    before = explaining.maps(model) if original is None else original
    found: dict[str, list[NDArray[np.float64]]] = {name: [] for name in similarities}
    seen: list[Randomised] = []
    first: list[Tensor] = []
    undefined: set[str] = set()
    with tqdm(total=len(measured), unit="step", desc=order, disable=None) as progress:
        for number, (random, drawn) in enumerate(randomised_models(model, names, order, seed)):
            undefined.update(drawn)
            if number not in measured:
                continue
            after = explaining.maps(random.model)
            for name, similarity in similarities.items():
                found[name].append(similarity(before, after))
            seen.append(random)
            first.append(after[0])
            progress.update()
    return Randomisation(
        order=order,
        layers=tuple(random.last for random in seen),
        randomised=tuple(len(random.layers) for random in seen),
        similarity={name: np.stack(values) for name, values in found.items()},
        first=torch.stack(first),
        undefined=tuple(sorted(undefined)),
    )


def _evenly(count: int, steps: int | None) -> set[int]:
    """Which of `count` layers are measured: the first, the last, and some between."""
    if steps is not None and steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    if steps is None or steps >= count:
        return set(range(count))
    return {round(place) for place in np.linspace(count - 1, 0, steps)}
