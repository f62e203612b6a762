"""Whether the backward signal forgets where it came from.

Sixt, Granz and Landgraf 2020, "When Explanations Lie", section 3: two random vectors in place of
the logits' gradient are sent backwards through one network. Where the rule's matrices converge to
rank 1, what arrives at the input has the same direction whatever was sent: their cosine goes to 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from captum_rectgrad._captum import TargetType
from captum_rectgrad.attribution import Query
from captum_rectgrad.batching import Call
from captum_rectgrad.layer_calls import LayerCalls
from captum_rectgrad.modified_gradient import ModifiedGradient
from captum_rectgrad.sanity.parameter_layers import ROOT, chosen_layers, parameter_layers
from captum_rectgrad.seeds import derived_seed
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
    # The input is what enters a layer of its own in front.
    front = nn.Identity()
    whole = nn.Sequential(front, model).eval()
    modules = {INPUT: front, **{name: model.get_submodule(name) for name in names}}
    settings = replace(method.settings, multiply_by_inputs=False, final_threshold=False)
    pair = [
        _gradients(Query(whole, settings, _random_sum(derived_seed(seed, which))), modules, images)
        for which in ("first", "second")
    ]
    cosines = [
        torch.nn.functional.cosine_similarity(one, other, dim=1).where(
            (one.norm(dim=1) > 0) & (other.norm(dim=1) > 0), torch.tensor(torch.nan).double()
        )
        for one, other in zip(*pair, strict=True)
    ]
    return Convergence(tuple(modules), torch.stack(cosines).numpy())


def _random_sum(seed: int) -> Any:
    def objective(output: Any, target: TargetType, calls: LayerCalls) -> Tensor:
        del target, calls
        logits: Tensor = output
        generator = torch.Generator().manual_seed(seed)
        vector = torch.randn(logits.shape, generator=generator).to(logits)
        return (vector * logits).flatten(1).sum(dim=1)

    return objective


def _gradients(query: Query, modules: dict[str, nn.Module], images: Tensor) -> list[Tensor]:
    """`(N, units)` of what enters each module, float64."""
    query = replace(query, layers=modules, at_layer_input=True, to_layers=True)
    maps, _ = query.attributions(Call((images,), None, ()))
    return [tensors[0].cpu().double().flatten(1) for tensors in maps]
