"""Whether the backward signal forgets where it came from.

Sixt, Granz and Landgraf 2020, "When Explanations Lie", section 3: two random vectors in place of
the logits' gradient are sent backwards through one network. Where the rule's matrices converge to
rank 1, what arrives at the input has the same direction whatever was sent: their cosine goes to 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from captum_rectgrad._captum import TargetType
from captum_rectgrad.attribution import Objective
from captum_rectgrad.layer_calls import LayerCalls
from captum_rectgrad.modified_gradient import ModifiedGradient
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
    """

    layers: tuple[str, ...]
    cosines: NDArray[np.float64]


def convergence(
    method: ModifiedGradient,
    images: Tensor,
    *,
    layers: Sequence[str] | None = None,
    seed: int = 0,
) -> Convergence:
    """Send two random vectors backwards from the logits under a method's rule.

    Args:
        method: with its model, in eval mode.
        images: `(N, C, H, W)`, as the model takes them, all at once in memory.
        layers: names of those that are looked at; None: all that have parameters and are called
            once.
        seed: of the vectors, standard normal, drawn for each image.

    Returns:
        The cosines.

    Raises:
        ValueError: a layer is not in the model; the error lists those that are.
    """
    model = unwrapped(method.model)
    available = [name for name in parameter_layers(model, images[:1], once=True) if name != ROOT]
    names = chosen_layers(available, layers)
    images = images.to(next(model.parameters()).device)
    # The input is what enters a layer of its own in front.
    front = nn.Identity()
    whole = nn.Sequential(front, model)
    modules = {INPUT: front, **{name: model.get_submodule(name) for name in names}}
    sums = (_random_sum(derived_seed(seed, which)) for which in ("first", "second"))
    pair = [backward_signals(method, whole, modules, images, each) for each in sums]
    cosines = [_cosines(one, other) for one, other in zip(*pair, strict=True)]
    return Convergence(tuple(modules), torch.stack(cosines).numpy())


def _random_sum(seed: int) -> Objective:
    def objective(output: Any, target: TargetType, calls: LayerCalls) -> Tensor:
        del target, calls
        logits: Tensor = output
        generator = torch.Generator().manual_seed(seed)
        vector = torch.randn(logits.shape, generator=generator).to(logits)
        return (vector * logits).flatten(1).sum(dim=1)

    return objective


def _cosines(one: Tensor, other: Tensor) -> Tensor:
    one, other = (signal.cpu().double().flatten(1) for signal in (one, other))
    norms = one.norm(dim=1) * other.norm(dim=1)
    return (one * other).sum(dim=1) / torch.where(norms > 0, norms, torch.nan)
