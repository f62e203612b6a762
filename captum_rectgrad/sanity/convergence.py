"""Convergence of the backward signal (Sixt, Granz and Landgraf 2020, "When Explanations Lie").

Section 3: two random vectors are propagated backwards instead of the logits' gradient. If the
product of the rule's matrices converges to rank 1, both signals have the same or the opposite
direction at the input: the absolute value of their cosine goes to 1.
"""

import math
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import trange

from captum_rectgrad._engine.attribution import Objective
from captum_rectgrad._engine.forward_inputs import ForwardInputs
from captum_rectgrad._engine.layer_recorder import LayerRecorder
from captum_rectgrad._engine.wrappers import unwrapped
from captum_rectgrad.attr.base import ModifiedGradient
from captum_rectgrad.attr.layer_gradients import layer_gradients
from captum_rectgrad.evaluation.seeds import derived_seed
from captum_rectgrad.sanity.defaults import BATCH_SIZE
from captum_rectgrad.sanity.logits import logits
from captum_rectgrad.sanity.parameter_layers import ROOT, chosen_layers, parameter_layers

INPUT = "input"


@dataclass(frozen=True, eq=False)
class Convergence:
    """Cosines of two backward signals.

    Attributes:
        layers: from the input to the output: `INPUT`, then the layers at whose inputs the signals
            are compared.
        cosines: `(layers, N)`, cosine of the two signals for each image; NaN where a signal is
            zero.
        logits: number of logits, the dimension of the random vectors.
    """

    layers: tuple[str, ...]
    cosines: NDArray[np.float64]
    logits: int

    @property
    def unrelated(self) -> float:
        """Mean absolute cosine of two random vectors with one entry per logit: the chance level.

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
    """Propagate two random vectors backwards from the logits with a method's rule.

    Args:
        method: the method with its model, in eval mode.
        images: `(N, C, H, W)`, as the model takes them.
        layers: names of the layers to compare at. They have parameters, are called once, and have
            the samples in dimension 0 of their input. Layers of window attention, for example, are
            excluded: they have one row per window. None: all such layers.
        batch_size: images in memory.
        seed: seed of the vectors, standard normal, drawn for each image.

    Returns:
        The cosines.

    Raises:
        ValueError: a layer is not available (the error lists the available ones), or the model
            cannot take the images.
    """
    model = unwrapped(method.model)
    classes = logits(model, images[:1]).shape[1]
    available = [name for name in parameter_layers(model, images[:1], once=True) if name != ROOT]
    names = chosen_layers(_of_samples(model, images[:1], available), layers)
    # An identity in front of the model, so that the input is the input of a layer.
    front = nn.Identity()
    whole = nn.Sequential(front, model)
    modules = {INPUT: front, **{name: model.get_submodule(name) for name in names}}
    device = next(model.parameters()).device
    parts = []
    for start in trange(0, len(images), batch_size, unit="batch", desc="convergence", disable=None):
        part = images[start : start + batch_size].to(device)
        sums = (_random_sum(seed, which, start) for which in ("first", "second"))
        pair = [layer_gradients(method, whole, modules, part, each) for each in sums]
        parts.append(torch.stack([_cosines(a, b) for a, b in zip(*pair, strict=True)]))
    return Convergence(tuple(modules), torch.cat(parts, dim=1).numpy(), classes)


def _of_samples(model: nn.Module, image: Tensor, names: Sequence[str]) -> list[str]:
    """The layers whose (first) input has the samples in dimension 0.

    They are found with one image and with two, since another dimension may have the batch's size.
    """
    one, two = (_rows(model, image.expand(n, *image.shape[1:]), names) for n in (1, 2))
    return [name for name in names if (one.get(name), two.get(name)) == (1, 2)]


def _rows(model: nn.Module, x: Tensor, names: Sequence[str]) -> dict[str, int]:
    """Size of dimension 0 of each layer's (first) input."""
    rows: dict[str, int] = {}

    def note(name: str, _: nn.Module, args: Any, kwargs: Any) -> None:
        for value in (*args, *kwargs.values()):
            if isinstance(value, Tensor) and value.is_floating_point() and value.dim():
                rows.setdefault(name, len(value))

    with ExitStack() as hooks:
        for name in names:
            module = model.get_submodule(name)
            handle = module.register_forward_pre_hook(partial(note, name), with_kwargs=True)
            hooks.callback(handle.remove)
        logits(model, x)
    return rows


def _random_sum(seed: int, which: str, start: int) -> Objective:
    """The logits times a random vector of each image, independent of the batch."""

    def objective(output: Any, call: ForwardInputs, layers: LayerRecorder) -> Tensor:
        del call, layers
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
