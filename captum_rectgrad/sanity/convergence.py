"""Whether the backward signal forgets where it came from.

Sixt, Granz and Landgraf 2020, "When Explanations Lie", section 3: two random vectors in place of
the logits' gradient are sent backwards through one network. Where the rule's matrices converge to
rank 1, what arrives at the input has the same direction whatever was sent, or the opposite one: the
absolute value of their cosine goes to 1.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import trange

from captum_rectgrad._captum import TargetType
from captum_rectgrad.attribution import Objective
from captum_rectgrad.layer_calls import LayerCalls
from captum_rectgrad.modified_gradient import ModifiedGradient
from captum_rectgrad.sanity.defaults import BATCH_SIZE
from captum_rectgrad.sanity.logits import logits
from captum_rectgrad.sanity.parameter_layers import ROOT, chosen_layers, parameter_layers
from captum_rectgrad.seeds import derived_seed
from captum_rectgrad.signals import backward_signals
from captum_rectgrad.wrappers import unwrapped

INPUT = "input"


@dataclass(frozen=True, eq=False)
class Convergence:
    """Cosines of what arrives.

    Attributes:
        layers: from the input to the output: `INPUT`, and what enters each layer.
        cosines: `(layers, N)`, of the gradients of two random vectors, for each image; NaN where
            nothing arrives.
        logits: how many the model has: the dimension of what is sent.
    """

    layers: tuple[str, ...]
    cosines: NDArray[np.float64]
    logits: int

    @property
    def unrelated(self) -> float:
        """Mean absolute cosine of two random vectors of so many logits: the least to be expected.

        `gamma(C / 2) / (sqrt(pi) * gamma((C + 1) / 2))`, 1 for one logit, about
        `sqrt(2 / (pi * C))` for many.
        """
        return math.exp(math.lgamma(self.logits / 2) - math.lgamma((self.logits + 1) / 2)) / (
            math.sqrt(math.pi)
        )


def convergence(
    method: ModifiedGradient,
    images: Tensor,
    *,
    layers: Sequence[str] | None = None,
    batch_size: int = BATCH_SIZE,
    seed: int = 0,
) -> Convergence:
    """Send two random vectors backwards from the logits under a method's rule.

    Args:
        method: with its model, in eval mode.
        images: `(N, C, H, W)`, as the model takes them.
        layers: names of those that are looked at; None: all that have parameters and are called
            once.
        batch_size: images in memory.
        seed: of the vectors, standard normal, drawn for each image.

    Returns:
        The cosines.

    Raises:
        ValueError: a layer is not in the model (the error lists those that are), or the model
            cannot take the images.
    """
    model = unwrapped(method.model)
    classes = logits(model, images[:1]).shape[1]
    available = [name for name in parameter_layers(model, images[:1], once=True) if name != ROOT]
    names = chosen_layers(available, layers)
    # The input is what enters a layer of its own in front.
    front = nn.Identity()
    whole = nn.Sequential(front, model)
    modules = {INPUT: front, **{name: model.get_submodule(name) for name in names}}
    device = next(model.parameters()).device
    parts = []
    for start in trange(0, len(images), batch_size, unit="batch", desc="convergence", disable=None):
        part = images[start : start + batch_size].to(device)
        sums = (_random_sum(seed, which, start) for which in ("first", "second"))
        pair = [backward_signals(method, whole, modules, part, each) for each in sums]
        parts.append(torch.stack([_cosines(a, b) for a, b in zip(*pair, strict=True)]))
    return Convergence(tuple(modules), torch.cat(parts, dim=1).numpy(), classes)


def _random_sum(seed: int, which: str, start: int) -> Objective:
    """The logits times a vector that belongs to each image, whichever batch it is in."""

    def objective(output: Any, target: TargetType, calls: LayerCalls) -> Tensor:
        del target, calls
        values: Tensor = output
        seeds = (derived_seed(seed, which, start + place) for place in range(len(values)))
        vectors = [
            torch.randn(values.shape[1:], generator=torch.Generator().manual_seed(each))
            for each in seeds
        ]
        return (torch.stack(vectors).to(values) * values).flatten(1).sum(dim=1)

    return objective


def _cosines(one: Tensor, other: Tensor) -> Tensor:
    one, other = (signal.cpu().double().flatten(1) for signal in (one, other))
    norms = one.norm(dim=1) * other.norm(dim=1)
    return (one * other).sum(dim=1) / torch.where(norms > 0, norms, torch.nan)
